"""Recordings of any sort -> int16 samples at one rate. soundfile and soxr are imported where a file is opened. Knows no column."""

from __future__ import annotations

import io
import os
import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..errors import MissingExtra
from . import _parsing

FULL = 32768  # what 1.0 is in 16 bits
CLIPPED = 1e-3  # from this share of samples at full scale on, a recording was too loud
QUIET = 4  # a recording without a larger sample (-78 dB) is silent
_SHORTER = re.compile(r"^ *data *: (\d+) \(should be \d+\)", re.MULTILINE)  # libsndfile's log of a WAV
_STREAMED = 0xFFFFFF00  # sizes from here on stand for "not known when it was written"


@dataclass(frozen=True)
class Heard:
    """Samples as they are, (N,) or (N, channels) with 1.0 for full scale, and their rate, 0 where nobody says."""

    samples: np.ndarray
    rate: int = 0


Cell = str | bytes | Heard | None


def is_sound(data: bytes) -> bool:
    """Whether bytes begin like a WAV, FLAC or OGG file."""
    return data.startswith((b"fLaC", b"OggS")) or (data.startswith(b"RIFF") and data[8:12] == b"WAVE")


def cells(values: pa.Array) -> list[Cell]:
    """Paths, bytes, structs (`bytes`, `path`, or `array` with `sampling_rate`) or lists of samples, one object a cell;
    None where missing. Whole numbers are 16-bit samples, others have their full scale at 1."""
    values = _parsing.flat(values)
    if pa.types.is_struct(values.type):
        return [_of_struct(cell) for cell in values.to_pylist()]
    if _parsing.is_binary(values.type):
        return values.to_pylist()
    if not _parsing.is_list(values.type):
        return _parsing.strings(values).to_pylist()
    if _parsing.is_list(values.type.value_type):  # channels
        return [None if cell is None else _of_list(cell) for cell in values.to_pylist()]
    items, offsets, present = _parsing.lists(values)
    scale = 1 / FULL if pa.types.is_integer(items.type) else 1.0
    flat = np.nan_to_num(_parsing.numbers(items)) * scale
    return [Heard(flat[a:b]) if here else None for a, b, here in zip(offsets, offsets[1:], present)]


def _of_struct(cell: dict | None) -> Cell:
    cell = cell or {}
    if isinstance(cell.get("array"), list):
        rate = cell.get("sampling_rate")
        return Heard(_of_list(cell["array"]).samples, rate if isinstance(rate, int) and rate > 0 else 0)
    found = cell.get("bytes") or cell.get("path")
    return found if isinstance(found, (str, bytes)) else None


def _of_list(cell: list) -> Heard:
    """A list of samples, or of channels (the shorter axis); what is neither has no sample."""
    try:
        found = np.array(cell)
        whole = found.dtype.kind in "iu"
        found = np.nan_to_num(found.astype(np.float64)) / (FULL if whole else 1)
    except (ValueError, TypeError):
        return Heard(np.zeros(0))
    if found.ndim == 2:
        return Heard(found.T if found.shape[0] < found.shape[1] else found)
    return Heard(found if found.ndim == 1 else np.zeros(0))


def measure(cell: Cell) -> tuple[int, float] | None:
    """Rate (0 where nobody says) and seconds of a cell, from a file's header; None when it cannot be read."""
    if cell is None:
        return None
    if isinstance(cell, Heard):
        return cell.rate, len(cell.samples) / (cell.rate or 1)
    try:
        with _opened(cell) as file:
            return file.samplerate, file.frames / file.samplerate
    except MissingExtra:
        raise
    except Exception:  # libsndfile and the disk raise many kinds of errors; all mean "not readable"
        return None


def load(cell: Cell, rate: int, longest: int) -> tuple[np.ndarray, list[str]]:
    """One cell -> int16 (n,) mono samples at `rate`, 1 <= n <= longest, and what is odd about it in words.

    Raises whatever the reader raises."""
    odd: list[str] = []
    if isinstance(cell, Heard):
        heard, own = cell.samples[: _needed(longest, cell.rate, rate)], cell.rate or rate
        odd += ["longer than max_length and cut"] if len(heard) < len(cell.samples) else []
    else:
        assert cell is not None
        with _opened(cell) as file:
            own, frames = file.samplerate, file.frames
            needed = _needed(longest, own, rate)
            heard = file.read(min(frames, needed), dtype="float32", always_2d=True)
            known = [int(size) for size in _SHORTER.findall(file.extra_info)]
            if len(heard) < min(frames, needed) or any(size < _STREAMED for size in known):
                odd.append("truncated")
            odd += ["longer than max_length and cut"] if frames > needed else []
    mono = heard.mean(1) if heard.ndim == 2 and heard.shape[1] > 1 else heard.reshape(-1)
    if not len(mono):
        return np.zeros(1, np.int16), [*odd, "without a sample"]
    clipped = np.abs(heard) >= 1 - 1.5 / FULL
    if clipped.mean() >= CLIPPED:
        odd.append("clipped: samples at full scale")
    mono = np.nan_to_num(mono)
    if own != rate:
        import soxr

        mono = soxr.resample(mono, own, rate)
    samples = np.clip(np.rint(mono[:longest] * FULL), -FULL, FULL - 1).astype(np.int16)
    samples = samples if len(samples) else np.zeros(1, np.int16)
    if np.abs(samples.astype(np.int32)).max() < QUIET:
        odd.append("silent")
    return samples, odd


def load_all(
    found: Sequence[Cell], rate: int, longest: int, first: int = 0
) -> tuple[list[np.ndarray], dict[str, Counter[str]]]:
    """Every cell as `load` gives it, one zero where missing or unreadable, and what is odd -> the rows, named, in their
    order. Files are read in threads. first: the row that the first cell is called."""
    names = [f"row {first + i}" + (f", '{cell}'" if isinstance(cell, str) else "") for i, cell in enumerate(found)]

    def one(cell: Cell) -> tuple[np.ndarray, list[str], str]:
        if cell is None:
            return np.zeros(1, np.int16), [], ""
        try:
            return *load(cell, rate, longest), ""
        except MissingExtra:
            raise
        except Exception as error:  # see measure; a broken recording must not end a run
            return np.zeros(1, np.int16), ["unreadable"], _why(error)

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        results = list(pool.map(one, found))
    odd: dict[str, Counter[str]] = {}
    for name, (_, each, why) in zip(names, results):
        for what in each:
            odd.setdefault(what, Counter())[f"{name}: {why}" if why else name] += 1
    return [samples for samples, _, _ in results], odd


def _needed(longest: int, own: int, rate: int) -> int:
    """Samples of a recording at rate `own` that become the longest allowed at `rate`."""
    return -(-longest * (own or rate) // rate)


def _opened(cell: str | bytes):  # -> soundfile.SoundFile
    try:
        import soundfile
        import soxr  # noqa: F401 (said before the first file of another rate)
    except ImportError:
        raise MissingExtra("soundfile and soxr", "audio") from None
    return soundfile.SoundFile(io.BytesIO(cell if isinstance(cell, bytes) else Path(cell).read_bytes()))


def _why(error: Exception) -> str:
    """The reader's words, without what it calls the file."""
    said = getattr(error, "strerror", None) or getattr(error, "error_string", None) or str(error)
    return (said or type(error).__name__).strip().rstrip(".")
