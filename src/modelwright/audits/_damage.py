"""Ways in which inputs go bad, each a function (values, severity, draw) -> values. Knows arrays and texts, no model.

A severity is one of five numbers, from barely visible to strong.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from ..columns import Ragged

Draw = np.random.Generator
WIDE = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff"  # scripts whose words are not parted by spaces: a character is a unit
UNIT = re.compile(rf"\s+|[{WIDE}]|[^\s{WIDE}]+")


def noise(pixels: np.ndarray, severity: float, draw: Draw, top: float) -> np.ndarray:
    """uint8 (N, H, W, C) with normal noise; severity: its deviation as a share of the range `top`."""
    return (pixels + draw.normal(0, severity * top, pixels.shape)).clip(0, top).round().astype(np.uint8)


def blur(pixels: np.ndarray, severity: float, draw: Draw, top: float) -> np.ndarray:
    """Gaussian blur; severity: its deviation as a share of the height."""
    from scipy.ndimage import gaussian_filter

    width = severity * pixels.shape[1]
    return gaussian_filter(pixels.astype(np.float32), (0, width, width, 0)).round().astype(np.uint8)


def shift(pixels: np.ndarray, severity: float, draw: Draw, top: float) -> np.ndarray:
    """Each picture moved in one of eight directions, its edge repeated; severity: how far as a share of the height."""
    far = max(1, round(severity * pixels.shape[1]))
    wide = np.pad(pixels, ((0, 0), (far, far), (far, far), (0, 0)), mode="edge")
    ways = np.array([(a, b) for a in (0, 1, 2) for b in (0, 1, 2) if (a, b) != (1, 1)]) * far
    height, width = pixels.shape[1:3]
    chosen = ways[draw.integers(0, len(ways), len(pixels))]
    return np.stack([one[a : a + height, b : b + width] for one, (a, b) in zip(wide, chosen)])


def contrast(pixels: np.ndarray, severity: float, draw: Draw, top: float) -> np.ndarray:
    """Every picture drawn towards its mean; severity: by what share."""
    mean = pixels.mean((1, 2, 3), keepdims=True)
    return (mean + (1 - severity) * (pixels - mean)).round().astype(np.uint8)


def noisy(values: np.ndarray, severity: float, draw: Draw, reach: np.ndarray) -> np.ndarray:
    """Scaled numbers with normal noise; severity: in standard deviations."""
    return (values + draw.normal(0, severity, values.shape) * reach).astype(np.float32)


def stretched(values: np.ndarray, severity: float, draw: Draw, reach: np.ndarray) -> np.ndarray:
    """Scaled numbers further from their mean, as in another unit; severity: by what share."""
    return (values * (1 + severity * reach)).astype(np.float32)


def hiss(rows: Ragged, severity: float, draw: Draw, reach: np.ndarray) -> Ragged:
    """Sound with normal noise; severity: its deviation as a share of how strong sound usually is, `reach`."""
    return _limited(rows.values + draw.normal(0, severity * reach, rows.values.shape), rows)


def gain(rows: Ragged, severity: float, draw: Draw, reach: np.ndarray) -> Ragged:
    """Sound made louder, and cut off at full scale; severity: in decibels."""
    return _limited(rows.values * 10 ** (severity / 20), rows)


def delay(rows: Ragged, severity: float, draw: Draw, reach: np.ndarray) -> Ragged:
    """Silence before each row, which ends as much later; severity: how long, as a share of the mean row."""
    silence = np.zeros(max(1, round(severity * float(rows.lengths.mean()))), rows.values.dtype)
    values = np.concatenate([part for row in range(len(rows)) for part in (silence, rows.row(row))])
    return Ragged(values, rows.offsets + len(silence) * np.arange(len(rows) + 1))


def _limited(values: np.ndarray, rows: Ragged) -> Ragged:
    limits = np.iinfo(rows.values.dtype)
    return Ragged(np.rint(values).clip(limits.min, limits.max).astype(rows.values.dtype), rows.offsets)


def typos(text: str, severity: float, draw: Draw, letters: str) -> str:
    """Each word is hit with this probability: two letters swapped, one left out or replaced. Where there are no spaces, each
    character is a word, and is replaced."""
    return "".join(_mistyped(u, draw, letters) if draw.random() < severity else u for u in UNIT.findall(text))


def _mistyped(unit: str, draw: Draw, letters: str) -> str:
    if unit.isspace():
        return unit
    place, way = int(draw.integers(len(unit))), int(draw.integers(3))
    other = letters[int(draw.integers(len(letters)))]
    if len(unit) == 1 or way == 0:
        return unit[:place] + other + unit[place + 1 :]
    if way == 1:
        return unit[:place] + unit[place + 1 :]
    place = min(place, len(unit) - 2)
    return unit[:place] + unit[place + 1] + unit[place] + unit[place + 2 :]


def dropped(text: str, severity: float, draw: Draw, letters: str) -> str:
    """Each word, or character where there are no spaces, is left out with this probability; one remains."""
    units = UNIT.findall(text)
    kept = [unit for unit in units if unit.isspace() or draw.random() >= severity]
    return "".join(kept) if "".join(kept).strip() else "".join(units[:1])


PICTURES: dict[str, tuple[Callable[..., np.ndarray], tuple[float, ...]]] = {
    "noise": (noise, (0.04, 0.08, 0.12, 0.18, 0.26)),
    "blur": (blur, (0.02, 0.04, 0.06, 0.08, 0.1)),
    "shift": (shift, (0.04, 0.08, 0.12, 0.18, 0.25)),
    "contrast": (contrast, (0.2, 0.4, 0.6, 0.75, 0.9)),
}
NUMBERS: dict[str, tuple[Callable[..., np.ndarray], tuple[float, ...]]] = {
    "noise": (noisy, (0.05, 0.1, 0.25, 0.5, 1.0)),
    "scale": (stretched, (0.05, 0.1, 0.25, 0.5, 1.0)),
}
SIGNALS: dict[str, tuple[Callable[..., Ragged], tuple[float, ...]]] = {
    "noise": (hiss, (0.05, 0.1, 0.25, 0.5, 1.0)),
    "gain": (gain, (6, 12, 18, 24, 30)),
    "delay": (delay, (0.1, 0.2, 0.4, 0.7, 1.0)),
}
TEXTS: dict[str, tuple[Callable[..., str], tuple[float, ...]]] = {
    "typos": (typos, (0.02, 0.05, 0.1, 0.2, 0.4)),
    "word drop": (dropped, (0.02, 0.05, 0.1, 0.2, 0.4)),
}
MISSING = (0.02, 0.05, 0.1, 0.2, 0.4)


def of_texts(cells: list[Any], damage: Callable[..., str], severity: float, draw: Draw) -> list[Any]:
    """Cells that are texts, or lists of tokens."""
    seen = "".join(cell for cell in cells[:200] if isinstance(cell, str)) or "abcdefghijklmnopqrstuvwxyz"
    letters = "".join(sorted({c for c in seen.lower() if c.isalnum()})) or "abc"
    return [
        [damage(token, severity, draw, letters) or token for token in cell]
        if isinstance(cell, list)
        else damage(cell or "", severity, draw, letters)
        for cell in cells
    ]
