"""How fast does it get worse when its inputs do?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, cast

import numpy as np
import pyarrow as pa

from ..adversarial import reach_of
from ..building import model_sources
from ..data.encoding import Encoded
from ..report import Curve, shown
from . import _damage
from ._case import Case, Finding, Findings, Quality, Sample, light

MILD = 1  # the severity (from 0) that is judged


class Corruption:
    """The score on test rows damaged at five severities (after Hendrycks and Dietterich 2019): pictures by noise, blur, shift
    and loss of contrast; texts by typos and lost words, in Chinese by characters; sound by noise, gain and delay; tables by noise, scale and missing cells.

    Options:
        warning: loss at the second severity, as a share of the score, from which the light is yellow.
        bad: loss from which it is red.
    """

    def __init__(self, *, warning: float = 0.1, bad: float = 0.25) -> None:
        self.warning, self.bad = warning, bad

    def examine(self, case: Case) -> Findings:
        sample = case.held.few(case.most // 4, case.seed)
        clean = case.qualities(sample)
        found: Findings = []
        lines: dict[str, dict[str, Any]] = {name: {} for name in clean}
        for kind, severities, damaged in _ways(case, sample):
            for name in clean:
                lines[name][kind] = ([0.0], [clean[name].mean])
            for number, severity in enumerate(severities):
                for name, quality in case.qualities(damaged(severity)).items():
                    lines[name][kind][0].append(number + 1.0)
                    lines[name][kind][1].append(quality.mean)
                    if number == MILD:
                        found.append(self._finding(kind, name, quality, clean[name], severity))
        for name, each in lines.items():
            note = f"{len(sample)} rows; severity 0 is as they are. What a severity means stands on the page of this check."
            found.append(Curve(f"Damaged inputs: {name}", "severity", clean[name].name, each, note=note))
        return found

    def _finding(self, kind: str, name: str, quality: Quality, clean: Quality, severity: float) -> Finding:
        worse = quality.worse(clean)
        tone = light(worse, self.warning, self.bad)
        words = f"{quality.name} with {kind} of {severity:g}, from {shown(clean.mean)} without"
        advice = (
            "" if tone == "good" else "Train with such rows: train.augment for pictures, damaged copies for others."
        )
        return Finding(tone, f"{kind}: {name}", quality.mean, words, advice, quality.interval)


def _ways(case: Case, sample: Sample) -> Iterator[tuple[str, tuple[float, ...], Any]]:
    """(name, severities, severity -> damaged rows) of every way that the run's inputs can be damaged."""
    texts = ["text"] if case.is_language else case.inputs("text")
    for kind, (damage, severities) in _damage.TEXTS.items() if texts else ():
        if kind == "word drop" and "tags" in case.run.kinds.values():  # each word has its tag
            continue
        yield kind, severities, partial(_written, case, sample, texts, damage)
    if case.is_language:
        return
    reach = reach_of(model_sources(case.run.recipe, case.run.columns), case.prepared.encoded.inputs)
    for key, scale in reach.items():
        beside, ways = "", cast("dict[str, Any]", _damage.NUMBERS)
        if key in sample.encoded.ragged:
            beside, ways = f" of {key}", _damage.SIGNALS
        elif key in sample.encoded.dense and sample.encoded.dense[key].ndim == 4:  # windows are cut on the way
            beside, ways = " of pictures", _damage.PICTURES
        beside = beside if len(reach) > 1 else ""
        for kind, (spoil, severities) in ways.items():
            yield f"{kind}{beside}", severities, partial(_changed, case, sample, key, spoil, scale.numpy())
    cells = case.inputs("number", "boolean", "category", "date")
    if cells:
        yield "missing cells", _damage.MISSING, partial(_emptied, case, sample, cells)


def _changed(case: Case, sample: Sample, key: str, damage: Any, reach: np.ndarray, severity: float) -> Sample:
    inputs = {name: values[sample.index] for name, values in sample.encoded.inputs.items()}
    inputs[key] = damage(inputs[key], severity, np.random.default_rng(case.seed), reach)
    targets = {name: codes[sample.index] for name, codes in sample.encoded.targets.items()}
    return Sample(sample.raw, Encoded(inputs, targets, len(sample)), np.arange(len(sample)))


def _written(case: Case, sample: Sample, texts: list[str], damage: Any, severity: float) -> Sample:
    table = sample.raw
    for name in texts:
        cells = _damage.of_texts(table.column(name).to_pylist(), damage, severity, np.random.default_rng(case.seed))
        table = table.set_column(table.column_names.index(name), name, pa.array(cells))
    return case.reread(table)


def _emptied(case: Case, sample: Sample, names: list[str], severity: float) -> Sample:
    table, draw = sample.raw, np.random.default_rng(case.seed)
    for name in names:
        cells = pa.array(
            table.column(name).to_pylist(), table.schema.field(name).type, mask=draw.random(len(table)) < severity
        )
        table = table.set_column(table.column_names.index(name), name, cells)
    return case.reread(table)
