"""Are the probabilities true?"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import unable
from ..metrics import calibration as bins_of
from ..metrics import calibration_error
from ..report import Curve, Table, shown
from ._case import Case, Finding, Findings, light

SMALLEST = 1e-7


class Calibration:
    """The expected calibration error on the held rows (Guo 2017), and the temperature that the validation rows ask for.

    Options:
        warning: error from which the light is yellow.
        bad: error from which it is red.
        bins: of confidence.
    """

    def __init__(self, *, warning: float = 0.05, bad: float = 0.1, bins: int = 10) -> None:
        self.warning, self.bad, self.bins = warning, bad, bins

    def examine(self, case: Case) -> Findings:
        if not case.classed:
            raise unable("a model that predicts classes", case.run)
        return [one for target in case.classed for one in self._of(case, target)]

    def _of(self, case: Case, target: str) -> Findings:
        probabilities, codes = case.classes(case.held, target)
        if lost := int(((codes >= 0) & ~np.isfinite(probabilities).all(1)).sum()):
            words, advice = f"of {len(codes)} predictions are no numbers", "Train again with a lower train.lr."
            return [Finding("bad", target, lost, words, advice)]
        probabilities, codes = _known(probabilities, codes)
        before, noise = self._error(probabilities, codes), self._noise(probabilities, case.seed)
        words = f"from confidence to share right, over {len(codes)} rows; chance: up to {noise:.3f}"
        tone = light(before if before > noise else 0.0, self.warning, self.bad)
        lines = {"perfect": ([0.0, 1.0], [0.0, 1.0]), "as it is": self._line(probabilities, codes)}
        blocks: Findings = [Curve(f"Reliability: {target}", "confidence", "share right", lines, dashed=["perfect"])]
        advice = "" if tone == "good" else "Soften it by a temperature, for which validation rows are needed."
        if case.held is not case.validation and len(case.validation):
            temperature = _temperature(*_known(*case.classes(case.validation, target)))
            after = soften(probabilities, temperature)
            lines[f"at temperature {temperature:.2f}"] = self._line(after, codes)
            rows = [
                [name, value, self._error(each, codes), _nats(each, codes)]
                for name, value, each in (("as it is", 1.0, probabilities), ("softened", temperature, after))
            ]
            note = "The temperature was fitted on the validation rows; both lines are of the held rows."
            blocks.append(
                Table(f"Temperature of {target}", ["", "temperature", "error", "loss in nats"], rows, note=note)
            )
            if tone != "good":
                advice = f"Divide log probabilities by {temperature:.2f}: the error is {shown(rows[1][2])}."
        return [Finding(tone, target, before, words, advice), *blocks]

    def _error(self, probabilities: np.ndarray, codes: np.ndarray) -> float:
        return float(calibration_error(probabilities.max(1), probabilities.argmax(1) == codes, self.bins) or 0.0)

    def _noise(self, probabilities: np.ndarray, seed: int) -> float:
        """What 95 of 100 perfectly calibrated models of these confidences would stay below on so many rows."""
        draw, sure = np.random.default_rng(seed), probabilities.max(1)
        errors = [calibration_error(sure, draw.random(len(sure)) < sure, self.bins) or 0.0 for _ in range(100)]
        return float(np.quantile(errors, 0.95))

    def _line(self, probabilities: np.ndarray, codes: np.ndarray) -> tuple[list[float], list[float]]:
        mean, share, _ = bins_of(probabilities.max(1), probabilities.argmax(1) == codes, self.bins)
        return mean.tolist(), share.tolist()


def _known(probabilities: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = (codes >= 0) & np.isfinite(probabilities).all(1)
    return probabilities[known], codes[known]


def soften(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """(N, K) softmax(log p / temperature), which is softmax(logits / temperature)."""
    logits = np.log(np.maximum(probabilities, SMALLEST)) / temperature
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def _nats(probabilities: np.ndarray, codes: np.ndarray) -> float:
    return float(-np.log(np.maximum(probabilities[np.arange(len(codes)), codes], SMALLEST)).mean())


def _temperature(probabilities: np.ndarray, codes: np.ndarray) -> float:
    """The temperature of least loss, between 1/20 and 20."""
    from scipy.optimize import minimize_scalar

    found: Any = minimize_scalar(
        lambda log: _nats(soften(probabilities, float(np.exp(log))), codes), bounds=(-3, 3), method="bounded"
    )
    return float(np.exp(found.x))
