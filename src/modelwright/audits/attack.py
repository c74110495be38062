"""How little must be changed to fool it?"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .. import adversarial
from ..building import model_sources
from ..columns import Ragged
from ..data.encoding import Encoded
from ..errors import unable
from ..parts import Count, NotNegative
from ..report import Curve, Image, shown
from ._case import Case, Finding, Findings, Quality, Sample, light

AT_ONCE = 256
SHARES = (0.25, 0.5, 1.0, 2.0)  # of epsilon, along the curve
SHOWN = 8


class Attack:
    """The score on test rows whose numbers or pixels were moved by at most epsilon to where the loss is largest: by one
    step (FGSM) and by several from a random start (PGD).

    Options:
        epsilon: largest change: a share of a picture's range, or standard deviations of a number; 0 is 8/255 for \
pictures in colour and 0.1 otherwise.
        steps: of projected gradient descent.
        warning: loss, as a share of the score, from which the light is yellow.
        bad: loss from which it is red.
    """

    def __init__(
        self, *, epsilon: NotNegative = 0.0, steps: Count = 20, warning: float = 0.2, bad: float = 0.5
    ) -> None:
        self.epsilon, self.steps, self.warning, self.bad = epsilon, steps, warning, bad

    def examine(self, case: Case) -> Findings:
        if case.is_language or case.run.recipe.rebuilt_names():
            raise unable("a model that predicts from numbers, pictures or vectors", case.run)
        inputs = case.prepared.encoded.inputs
        reach = adversarial.reach_of(model_sources(case.run.recipe, case.run.columns), inputs)
        if not reach:
            raise unable(
                "a model that reads numbers, pictures or vectors: words and categories have no small steps", case.run
            )
        sample = case.held.few(case.most // 4, case.seed)
        colour = any(getattr(inputs[key], "ndim", 0) == 4 and inputs[key].shape[3] > 1 for key in reach)
        epsilon = self.epsilon or (8 / 255 if colour else 0.1)
        clean = case.qualities(sample)
        lines: dict[str, Any] = {}
        found: Findings = []
        moved = sample
        for name in clean:
            lines |= {f"{how} {name}".strip(): ([0.0], [clean[name].mean]) for how in ("FGSM", "PGD")}
        for share in SHARES:
            for how, steps in (("FGSM", 1), ("PGD", self.steps)):
                attacked = self.attacked(case, sample, reach, share * epsilon, steps)
                moved = attacked if (how, share) == ("PGD", 1.0) else moved
                for name, quality in case.qualities(attacked).items():
                    xs, ys = lines[f"{how} {name}"]
                    xs.append(share * epsilon)
                    ys.append(quality.mean)
                    if share == 1.0:
                        found.append(self._finding(how, name, quality, clean[name], epsilon))
        note = (
            f"{len(sample)} test rows; PGD takes {self.steps} steps of 2.5 epsilon / {self.steps} from a random start."
        )
        found.append(Curve("Score under attack", "epsilon", next(iter(clean.values())).name, lines, note=note))
        return [*found, *_pictures(sample, moved, reach)]

    def attacked(self, case: Case, sample: Sample, reach: adversarial.Reach, epsilon: float, steps: int) -> Sample:
        """The rows, attacked."""
        torch.manual_seed(case.seed)
        model, moved = case.run.model, dict[str, list[np.ndarray]]()
        for start in range(0, len(sample), AT_ONCE):
            batch = sample.encoded.batch(sample.index[start : start + AT_ONCE])
            changed = adversarial.attack(model, batch, reach, epsilon=epsilon, steps=steps, random=steps > 1)
            for key in reach:
                kept = changed[key][batch[f"{key}.mask"]] if key in sample.encoded.ragged else changed[key]
                moved.setdefault(key, []).append(kept.numpy())
        inputs = {key: values[sample.index] for key, values in sample.encoded.inputs.items()}
        for key, pieces in moved.items():
            values, before = np.concatenate(pieces), inputs[key]
            inputs[key] = Ragged(values, before.offsets) if isinstance(before, Ragged) else values
        targets = {name: codes[sample.index] for name, codes in sample.encoded.targets.items()}
        return Sample(sample.raw, Encoded(inputs, targets, len(sample)), np.arange(len(sample)))

    def _finding(self, how: str, name: str, quality: Quality, clean: Quality, epsilon: float) -> Finding:
        worse = quality.worse(clean)
        tone = light(worse, self.warning, self.bad)
        words = f"{quality.name} under {how} within {epsilon:.3g}, from {shown(clean.mean)} without"
        advice = f"If somebody would fool it, train: {{adversarial: {{epsilon: {epsilon:.3g}}}}}."
        advice = "" if tone == "good" else advice
        return Finding(tone, f"{how}: {name}", quality.mean, words, advice, quality.interval)


def _pictures(sample: Sample, moved: Sample, reach: adversarial.Reach) -> list[Image]:
    """A few pictures beside what the attack made of them."""
    from ..evaluation import picture

    found = []
    for key, scale in reach.items():
        if key not in sample.encoded.dense:
            continue
        before, after = sample.encoded.dense[key].numpy(), moved.encoded.dense[key].numpy()
        if before.ndim != 4:
            continue
        pairs = np.concatenate([before[sample.index[:SHOWN]], after[:SHOWN]], 2)
        bytes_ = (pairs * (255 / float(scale))).clip(0, 255).astype(np.uint8)
        found.append(Image("Left as it was, right attacked", [(picture(one), "") for one in bytes_]))
    return found
