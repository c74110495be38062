"""Rows that are the same, or nearly: by hashes of tables, shingles of texts, thumbnails of pictures.

Knows arrays and texts only. Each function tells, for every row of `these`, whether a row of `those` is its twin.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..columns import Ragged
from ..data.twins import thumbnails

SHINGLE, WIDE_SHINGLE = 5, 2  # characters; of scripts whose characters are worth a syllable or word
BANDS, ROWS_A_BAND = 16, 4  # of a signature: similarity .5 is found half of the time, .8 almost always
ALIKE = 0.8  # Jaccard similarity of two texts that are nearly the same
CLOSE = 0.995  # correlation of two thumbnails that are nearly the same


def exact(these: dict[str, Any], those: dict[str, Any]) -> np.ndarray:
    """Encoded inputs (key -> array or Ragged): equal in every byte."""
    known = set(_keys(those))
    return np.array([key in known for key in _keys(these)], bool)


def _keys(inputs: dict[str, Any]) -> list[int]:
    rows = len(next(iter(inputs.values())))
    return [hash(tuple(_bytes(values, row) for values in inputs.values())) for row in range(rows)]


def _bytes(values: Any, row: int) -> bytes:
    return (values.row(row) if isinstance(values, Ragged) else values[row]).tobytes()


def rounded(inputs: dict[str, Any], step: float = 0.01, shift: float = 0.0) -> dict[str, Any]:
    """The same with numbers on a grid: rows that differ by less are equal on one of two grids, half a step apart."""
    return {
        key: np.floor(values / step + shift) if not isinstance(values, Ragged) and values.dtype.kind == "f" else values
        for key, values in inputs.items()
    }


def texts(these: Sequence[str], those: Sequence[str], seed: int = 0) -> np.ndarray:
    """Texts whose sets of shingles (5 characters, 2 of Chinese) have a Jaccard similarity of .8 or more. Candidates share a band of their
    MinHash signatures (Broder 1997); each is compared in full."""
    sets = [_shingles(text) for text in [*these, *those]]
    signatures = _signatures(sets, seed)
    found = np.zeros(len(these), bool)
    for band in range(BANDS):
        piece = signatures[:, band * ROWS_A_BAND : (band + 1) * ROWS_A_BAND]
        buckets: dict[bytes, list[int]] = {}
        for place in range(len(these), len(sets)):
            buckets.setdefault(piece[place].tobytes(), []).append(place)
        for place in np.flatnonzero(~found).tolist():
            among = buckets.get(piece[place].tobytes(), ())[:50]
            found[place] = any(_jaccard(sets[place], sets[other]) >= ALIKE for other in among)
    return found


def _shingles(text: str) -> np.ndarray:
    plain = " ".join(text.lower().split())
    size = WIDE_SHINGLE if sum(c >= "\u2e80" for c in plain) > 0.3 * len(plain) else SHINGLE
    pieces = {plain[i : i + size] for i in range(max(1, len(plain) - size + 1))}
    return np.unique(np.array([zlib.crc32(piece.encode()) for piece in pieces], np.uint32))


def _signatures(sets: Sequence[np.ndarray], seed: int) -> np.ndarray:
    """(N, BANDS * ROWS_A_BAND): the least of each set under so many hash functions, a x + b modulo 2**61 - 1."""
    draw = np.random.default_rng(seed)
    size = BANDS * ROWS_A_BAND
    factors, terms = draw.integers(1, 2**31, size, dtype=np.uint64), draw.integers(0, 2**31, size, dtype=np.uint64)
    prime = np.uint64(2**61 - 1)
    return np.stack([((one.astype(np.uint64)[:, None] * factors + terms) % prime).min(0) for one in sets])


def _jaccard(one: np.ndarray, other: np.ndarray) -> float:
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / (len(one) + len(other) - both)


def pictures(these: np.ndarray, those: np.ndarray) -> np.ndarray:
    """uint8 (N, H, W, C): grey thumbnails that correlate at .995 or more, whatever their brightness and contrast."""
    one, other = thumbnails(these), thumbnails(those)
    return np.concatenate([(one[i : i + 500] @ other.T).max(1) >= CLOSE for i in range(0, len(one), 500)])
