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
        found: Findings = []
        for target in case.classed:
            probabilities, codes = _known(*case.classes(case.held, target))
            if not len(codes):
                continue
            before = self._error(probabilities, codes)
            noise = self._noise(probabilities, case.seed)
            words = f"mean distance of confidence and share right on {len(codes)} rows; up to {noise:.3f} is chance"
            tone = light(before if before > noise else 0.0, self.warning, self.bad)
            lines = {"perfect": ([0.0, 1.0], [0.0, 1.0]), "as it is": self._line(probabilities, codes)}
            advice, temperature = (
                "",
                _temperature(*_known(*case.classes(case.validation, target))) if len(case.validation) else None,
            )
            if temperature is not None:
                after = soften(probabilities, temperature)
                lines[f"at temperature {temperature:.2f}"] = self._line(after, codes)
                rows = [[name, t, self._error(p, codes), _nats(p, codes)] for name, t, p in (
                    ("as it is", 1.0, probabilities), ("softened", temperature, after))]  # fmt: skip
                note = "The temperature was fitted on the validation rows; both lines are of the held rows."
                columns = ["", "temperature", "calibration error", "loss in nats"]
                found.append(Table(f"Temperature of {target}", columns, rows, note=note))
                if tone != "good":
                    advice = f"Divide log probabilities by {temperature:.2f}: the error is {shown(self._error(after, codes))}."
            found.insert(0, Finding(tone, target, before, words, advice))
            curve = Curve(f"Reliability: {target}", "confidence", "share right", lines, dashed=["perfect"])
            found.append(curve)
        return found

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


def _temperature(probabilities: np.ndarray, codes: np.ndarray) -> float | None:
    """The temperature of least loss, between 1/20 and 20."""
    from scipy.optimize import minimize_scalar

    if not len(codes):
        return None
    found: Any = minimize_scalar(
        lambda log: _nats(soften(probabilities, float(np.exp(log))), codes), bounds=(-3, 3), method="bounded"
    )
    return float(np.exp(found.x))
