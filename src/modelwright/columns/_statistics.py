"""Statistics that stream and merge: moments and a bounded sample. NumPy only, nothing here knows a column."""

from __future__ import annotations

import numpy as np

SAMPLE = 32768


class Moments:
    """Count, mean and sum of squared deviations of each dimension, NaN left out.

    Chunks are joined by the pairwise update of Chan, Golub & LeVeque (1983), which does not lose digits
    where the mean is large beside the deviation."""

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        self.count = np.zeros(shape)
        self.mean = np.zeros(shape)
        self.squares = np.zeros(shape)

    def add(self, values: np.ndarray) -> None:
        """Take in (N, *shape) values."""
        here = np.isfinite(values)
        chunk = Moments(self.mean.shape)
        chunk.count = here.sum(0).astype(float)
        chunk.mean = np.where(here, values, 0.0).sum(0) / np.maximum(chunk.count, 1)
        chunk.squares = (np.where(here, values - chunk.mean, 0.0) ** 2).sum(0)
        self.merge(chunk)

    def merge(self, other: Moments) -> None:
        """Take in another shard's moments."""
        count = self.count + other.count
        share = other.count / np.maximum(count, 1)
        delta = other.mean - self.mean
        self.mean = self.mean + delta * share
        self.squares = self.squares + other.squares + delta**2 * self.count * share
        self.count = count

    @property
    def deviation(self) -> np.ndarray:
        """Standard deviation (population); 1 where it is zero, so that it can be divided by."""
        deviation = np.sqrt(self.squares / np.maximum(self.count, 1))
        # rounding leaves a constant column with a deviation of about 1e-16 of its mean
        tiny = deviation <= 1e-12 * np.maximum(np.abs(self.mean), 1e-300)
        return np.where(tiny, 1.0, deviation)


class Sample:
    """At most `size` of the rows seen: all of them while they fit, else those of lowest priority, a hash of the
    running row number. So it does not depend on the chunks, and samples of shards merge."""

    def __init__(self, size: int = SAMPLE) -> None:
        self.size, self.seen = size, 0
        self.priority = np.zeros(0, np.uint64)
        self.values: np.ndarray = np.zeros(0)

    def chosen(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Of the next `count` rows, the positions that could enter the sample, and their priorities."""
        priority = _mix(np.arange(self.seen, self.seen + count, dtype=np.uint64))
        self.seen += count
        if len(self.priority) < self.size:
            return np.arange(count), priority
        index = np.flatnonzero(priority < self.priority[-1])
        return index, priority[index]

    def add(self, values: np.ndarray) -> None:
        """Take in (N, ...) values (any dtype, objects too)."""
        index, priority = self.chosen(len(values))
        self.join(values[index], priority)

    def join(self, values: np.ndarray, priority: np.ndarray) -> None:
        """Put chosen values in and keep the lowest priorities."""
        if len(self.values):
            values = np.concatenate([self.values, values])
            priority = np.concatenate([self.priority, priority])
        order = np.argsort(priority, kind="stable")[: self.size]
        self.values, self.priority = values[order], priority[order]

    def merge(self, other: Sample) -> None:
        """Take in another shard's sample."""
        self.seen += other.seen
        if len(other.values):
            self.join(other.values, other.priority)


def _mix(x: np.ndarray) -> np.ndarray:
    """splitmix64 (Steele, Lea & Flood 2014): a well-mixed 64-bit hash of each integer."""
    with np.errstate(over="ignore"):
        x = (x + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))
