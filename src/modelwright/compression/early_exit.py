"""Predictions that end as soon as they are sure."""

from __future__ import annotations

from typing import Any

import torch

from .. import transforms
from ..blocks.exits import features
from ..blocks.stream import Batch, Model
from ..errors import UserError, unable
from ..loop import StepOptions, Terms
from ..parts import Count, Positive, Share
from ..report import Table, Text
from ._work import Work

THRESHOLDS = (0.999, 0.995, 0.99, 0.98, 0.97, 0.95, 0.93, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
NEVER = 2.0  # no probability is as high


class EarlyExit:
    """Rows that are easy leave a classifier after an inner block (Teerapittayanon 2016): small heads are trained there, the
    rest of the model staying as it is, and a row leaves at the first one whose largest probability reaches a threshold.

    The model must have one target with classes and one encoder of several blocks (cnn, transformer). Narrow it first:
    `structured` cannot follow.

    Options:
        after: blocks, counted from 1, behind which rows may leave; nothing is all but the last.
        loss: how much of the main score on the validation rows may be lost.
        threshold: probability from which a row leaves; nothing is the lowest that keeps within `loss`.
        epochs: passes in which the heads are trained.
    """

    def __init__(
        self,
        *,
        after: tuple[Count, ...] = (),
        loss: Share = 0.005,
        threshold: Positive | None = None,
        epochs: Positive = 2.0,
    ) -> None:
        self.after, self.loss, self.threshold, self.epochs = after, loss, threshold, epochs

    def apply(self, work: Work) -> None:
        """Raises RunError for a model that predicts no classes or whose encoder has no blocks."""
        model: Any = work.model
        encoder = _encoder(work)
        last = len(encoder.blocks)
        after = self.after or tuple(range(1, last))
        if not after or max(after) >= last:
            raise UserError(
                f"the encoder has {last} blocks: rows leave after 1 to {last - 1}.", where="early_exit.after"
            )
        whole = work.score()["main"]
        config = {"kind": "early_exit", "widths": _widths(work, encoder, after), "threshold": NEVER}
        torch.manual_seed(work.recipe.train.seed)
        transforms.replay(model, [config])
        self._train(work)
        for threshold in (self.threshold,) if self.threshold else THRESHOLDS:
            model.exits.threshold = threshold
            if not self.threshold and work.score()["main"] < whole - self.loss:
                break  # lower ones that lose less do so by chance
            config["threshold"] = threshold
        model.exits.threshold = config["threshold"]
        work.transforms.append(config)
        self._tell(work, model.exits.threshold)

    def _train(self, work: Work) -> None:
        """The exits alone."""
        model: Any = work.model
        learned = {weight: weight.requires_grad for weight in model.parameters()}
        model.requires_grad_(False)
        model.exits.requires_grad_(True)

        def gradients(model: Model, batch: Batch, options: StepOptions) -> Terms:
            model.eval()  # the encoder as it predicts
            with options.autocast():
                terms = model.exits.losses(model, batch)
            torch.stack([value / count.clamp(min=1e-12) for value, count in terms.values()]).sum().backward()
            return {name: (value.detach(), count) for name, (value, count) in terms.items()}

        work.fit(epochs=self.epochs, lr=work.recipe.train.lr, gradients=gradients)  # type: ignore[arg-type]
        for weight, was in learned.items():
            weight.requires_grad_(was)

    @torch.inference_mode()
    def _tell(self, work: Work, threshold: float) -> None:
        """Who leaves where."""
        model: Any = work.model
        left: dict[int, int] = {}
        batches = work.calibration(2048, part=1)
        for batch in batches:
            for place, (rows, _) in enumerate(model.exits.leave(model, batch)):
                left[place] = left.get(place, 0) + len(rows)
        names = [f"after block {int(number) + 1}" for number in model.exits.heads] + ["at the end"]
        shares = [[name, left.get(place, 0) / max(sum(left.values()), 1)] for place, name in enumerate(names)]
        note = f"Share of the validation rows; a row leaves from a probability of {threshold:g} on."
        work.blocks.append(Table("Early exit", ["leaves", "share"], shares, note=note))
        if threshold == NEVER:
            told = f"Nobody leaves early: no threshold keeps the score within {self.loss:g}."
            work.blocks.append(Text("", told, "warning"))


def _encoder(work: Work) -> Any:
    """The only encoder. Raises RunError where the model is no classifier, or has others."""
    encoders = list(getattr(work.model, "encoders", {}).values())
    classes = [kind for kind in work.run.kinds.values() if kind in ("category", "boolean")]
    if len(work.run.kinds) != 1 or not classes or len(encoders) != 1 or not hasattr(encoders[0], "blocks"):
        raise unable("a model that predicts one class with one encoder of several blocks", work.run)
    if getattr(work.model, "exits", None) is not None:
        raise UserError("the model has exits already.", where="early_exit", hint="Begin with the run it was made from.")
    return encoders[0]


@torch.no_grad()
def _widths(work: Work, encoder: Any, after: tuple[int, ...]) -> dict[int, int]:
    """What an exit behind each of these blocks reads."""
    x, mask = encoder.begin(work.calibration(2)[0])
    found = {}
    for number, block in enumerate(encoder.blocks):
        x, mask = block(x, mask)
        if number + 1 in after:
            found[number] = features(encoder.end(x, mask)).x.shape[-1]
    return found
