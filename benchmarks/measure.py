"""Runs a subject in a fresh process: what it answers, and the processor time of the whole process."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
CORES = 2


@dataclass(frozen=True)
class Outcome:
    """What a process printed last, as JSON where it is JSON, and what it cost."""

    values: dict[str, Any]
    text: str
    processor_seconds: float


class SubjectFailed(RuntimeError):
    """A subject ended with an error; the message holds the end of what it said."""


def environment() -> dict[str, str]:
    """The variables every subject runs under: as many threads, and no colours or bars."""
    count = os.environ.get("OMP_NUM_THREADS", str(CORES))
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), count)
    return {**os.environ, **threads, "NO_COLOR": "1", "TERM": "dumb", "PYTHONWARNINGS": "ignore"}


def hold_to_two_cores() -> None:
    """Keep this process and all its subjects on two cores, where there are more."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


def run(arguments: Sequence[str]) -> Outcome:
    """Run `python arguments`; the first argument may be a file of this folder."""
    first = str(FOLDER / arguments[0]) if arguments[0].endswith(".py") else arguments[0]
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        command = [sys.executable, first, *arguments[1:]]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        text, said = _text(stdout), _text(stderr)
    if process.returncode:
        raise SubjectFailed(f"{' '.join(arguments)} ended with {process.returncode}:\n{said[-3000:]}")
    lines = text.strip().splitlines()
    try:
        values = json.loads(lines[-1]) if lines else {}
    except ValueError:
        values = {}
    return Outcome(values if isinstance(values, dict) else {}, text, usage.ru_utime + usage.ru_stime)


def _text(file: Any) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def alike(arguments: Sequence[str]) -> Callable[[int], Outcome]:
    """A subject that is run with the same arguments in every round."""
    return lambda number: run(arguments)


def seeded(arguments: Sequence[str]) -> Callable[[int], Outcome]:
    """A subject that gets the round's number as its last argument, to seed its weights and its order of rows."""
    return lambda number: run([*arguments, str(number)])


def interleaved(
    subjects: dict[str, Callable[[int], Outcome]], rounds: int, read: Callable[[Outcome], float]
) -> tuple[dict[str, list[float]], dict[str, list[Outcome]]]:
    """Each subject once a round (it is given the round's number), the order rotating: its figures round by round, and its outcomes."""
    names = list(subjects)
    outcomes: dict[str, list[Outcome]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            outcome = subjects[name](number)
            outcomes[name].append(outcome)
            print(f"  round {number + 1}/{rounds}  {name:<28} {read(outcome):,.4g}", file=sys.stderr, flush=True)
    return {name: [read(outcome) for outcome in found] for name, found in outcomes.items()}, outcomes


@dataclass(frozen=True)
class Spread:
    """The median of the rounds, and their least and largest."""

    median: float
    least: float
    largest: float
    digits: int = 3

    def __str__(self) -> str:
        return f"{self.middle} ({self._text(self.least)} to {self._text(self.largest)})"

    @property
    def middle(self) -> str:
        """The median as text."""
        return self._text(self.median)

    def _text(self, value: float) -> str:
        return f"{value:,.0f}" if value >= 1000 else f"{value:.{self.digits}g}"


def spread(values: Sequence[float], digits: int = 3) -> Spread:
    """Median, least and largest; `digits` are those of the text."""
    return Spread(statistics.median(values), min(values), max(values), digits)


def ratios(above: Sequence[float], below: Sequence[float]) -> Spread:
    """Of the ratios round by round, so that what disturbs a whole round cancels."""
    return spread([a / b for a, b in zip(above, below, strict=True)])
