"""Recordings: files, encoded bytes or lists of samples, brought to one rate and one channel."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from ..parts import Positive
from . import _parsing, _sound
from ._column import Column
from ._ragged import Ragged, offsets_of
from ._statistics import Sample

SAMPLED = 1024
MEASURED = 64  # recordings of which it is told how strong they are
STRETCHES, BANDS = 8, 20  # what a recording is summed up as
USUAL = 16_000  # samples a second, where no recording says its own
Rate = Annotated[int, Field(ge=1000, le=192_000)]


class Audio(Column):
    """A recording: a path, encoded bytes (WAV, FLAC, OGG, ...), a struct {bytes, path} or {array, sampling_rate}, or a list
    of samples: whole numbers in 16 bits, others with full scale at 1.

    Input: Ragged int16, at least one sample a row. Recordings of another rate are resampled (soxr), several channels are
    averaged. Missing and unreadable ones are one sample of silence; these, and silent, clipped and cut ones, are named in
    `problems`. Reading files needs the extra `audio`.

    Options:
      rate: samples a second; by default the most frequent rate in training, 16,000 where no recording says its own
      max_length: seconds after which a recording is cut
    """

    group = None
    encoder: ClassVar[str] = "acoustic"
    endings: ClassVar[tuple[str, ...]] = (".wav", ".flac", ".ogg")
    examples: ClassVar[list[Any]] = [
        None,
        *([int(4000 * np.sin(step * pitch / 9)) for step in range(90 + 400 * pitch)] for pitch in range(1, 8)),
    ]
    fitted = ("frequency", "longest", "strength", "chosen")

    def __init__(
        self, name: str, target: bool = False, *, rate: Rate | None = None, max_length: Positive = 30.0
    ) -> None:
        super().__init__(name, target)
        self.rate, self.max_length = rate, max_length
        self.frequency, self.longest = rate or USUAL, 1
        self.strength = 1.0  # root of the mean square of training samples
        self.chosen = ""  # what was chosen, and why, where the options leave it open
        self.unusable = ""  # why no recording of the training rows can be used
        self._cells = Sample(SAMPLED)
        self._seen = 0
        self._odd: dict[str, Counter[str]] = {}

    @classmethod
    def recognises(cls, values: pa.ChunkedArray, name: str) -> str:
        """Why cells look like recordings: their first hundred are names or bytes of such files, or structs of samples."""
        kind = values.type
        if pa.types.is_struct(kind) and {"array", "sampling_rate"} <= {
            kind.field(i).name for i in range(kind.num_fields)
        }:
            return "structs with samples and their rate"
        if not (pa.types.is_struct(kind) or _parsing.is_binary(kind) or _parsing.is_text(kind)):
            return ""
        cells = [cell for cell in _sound.cells(values.slice(0, 100)) if cell is not None]
        if cells and all(isinstance(cell, str) and cell.lower().endswith(cls.endings) for cell in cells):
            return f"names of sound files ({cells[0]!r})"
        if cells and all(isinstance(cell, bytes) and _sound.is_sound(cell) for cell in cells):
            return "encoded recordings"
        return ""

    def fit(self, values: pa.Array) -> None:
        values = _parsing.flat(values)
        index, priority = self._cells.chosen(len(values))
        chosen = np.empty(len(index), object)
        chosen[:] = _sound.cells(values.take(pa.array(index)))
        keep = np.array([cell is not None for cell in chosen], bool)
        self._cells.join(chosen[keep], priority[keep])

    def merge(self, other: Audio) -> None:
        self._cells.merge(other._cells)

    def finish(self) -> None:
        self.refuse_target("a recording cannot be a target.")
        cells = list(self._cells.values)
        self._cells = Sample(SAMPLED)
        found = [_sound.measure(cell) for cell in cells]
        known = [each for each in found if each is not None]
        rates = Counter(rate for rate, _ in known if rate)
        if self.rate is None and rates:
            self.frequency = max(rates, key=lambda rate: (rates[rate], rate))
            others = f"; {len(rates) - 1} other rates are resampled" if len(rates) > 1 else ""
            self.chosen = f"{self.frequency:,} samples a second, as most recordings have{others}"
        elif self.rate is None:
            self.chosen = f"{self.frequency:,} samples a second: no recording says its own rate"
        seconds = max((length if rate else length / self.frequency for rate, length in known), default=0.0)
        self.longest = max(1, int(np.ceil(min(seconds, self.max_length) * self.frequency)))
        rows, _ = _sound.load_all(cells[:MEASURED], self.frequency, self.longest)
        if rows:
            self.strength = max(1.0, float(np.sqrt(np.mean(np.concatenate(rows).astype(np.float64) ** 2))))
        if not known:
            first = next((f": {cell}" for cell in cells if isinstance(cell, str)), "")
            said = f"none of {len(cells)} can be read; the first{first}" if cells else "there is none"
            self.unusable = f"the column holds no recordings: {said}."

    def encode(self, values: pa.Array) -> Ragged:
        cells = _sound.cells(values)
        most = max(1, int(self.max_length * self.frequency))
        rows, odd = _sound.load_all(cells, self.frequency, most, self._seen)
        self._seen += len(cells)
        for what, names in odd.items():
            self._odd.setdefault(what, Counter()).update(names)
        self.problems[:] = [
            f"{self.where}: {len(names)} of {self._seen} recordings are {what}; the first: {next(iter(names))}"
            + (" (they count as silence)" if what == "unreadable" else "")
            for what, names in self._odd.items()
        ]
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        return Ragged(np.concatenate([np.zeros(0, np.int16), *rows]), offsets_of(lengths))

    def sizes(self) -> dict[str, Any]:
        """`rate`, samples a second; `length` of the longest recording in training; `reach`, how strong they usually are."""
        return {"rate": self.frequency, "length": self.longest, "reach": self.strength}

    def summary(self, rows: Ragged) -> np.ndarray:
        """float32 (N, 162): a recording as a few numbers for methods that read no sound: how long and how loud it is, and
        the log energies of 20 bands in 8 stretches, less their mean."""
        from ..blocks.spectrogram import stretches

        found = np.zeros((len(rows), 2 + STRETCHES * BANDS), np.float32)
        for place in range(len(rows)):
            energies = stretches(rows.row(place), self.frequency, STRETCHES, BANDS)
            found[place, :2] = np.log(len(rows.row(place))), energies.mean()
            found[place, 2:] = (energies - energies.mean()).ravel()
        return found

    def picture(self, samples: np.ndarray) -> np.ndarray:
        """uint8 (40, T, 1) of (N,) samples: a column for each 10 ms, high bands above."""
        from ..blocks.spectrogram import stretches

        energies = stretches(samples, self.frequency, 1 + len(samples) * 100 // self.frequency, 2 * BANDS)
        low, high = np.quantile(energies, [0.05, 1.0])
        shades: np.ndarray = (255 * ((energies - low) / max(high - low, 1e-6)).clip(0, 1)).astype(np.uint8)
        return shades.T[::-1, :, None]

    def span(self, first: int, last: int) -> str:
        """What the samples from the first to before the last are called."""
        return f"{first / self.frequency:.2f} to {last / self.frequency:.2f} s"
