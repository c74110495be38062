"""Times modelwright side by side with what else a person would use, and prints ratios: `make bench`.

Every measurement is a fresh process; the competitors take turns, in an order that rotates from round to round, and a
ratio is the median of the rounds' ratios with the least and the largest beside it. Writes `benchmarks/results.json`,
`benchmarks/results.md` and, with `--document`, the figures of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import measurements
import task
from measure import FOLDER, hold_to_two_cores
from tables import Section, markdown, terminal

PAGE, MARK = FOLDER.parent / "docs" / "benchmarks.md", "<!-- figures -->\n"
VERSIONS = ("torch", "lightning", "keras", "jax", "transformers")


def environment() -> dict[str, Any]:
    """Where it was measured."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": task.THREADS,
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in VERSIONS if importlib.util.find_spec(name)},
        "load_before": round(os.getloadavg()[0], 2),
        "date": time.strftime("%Y-%m-%d"),
    }


def conditions(found: dict[str, Any], rounds: int) -> str:
    """The environment as a sentence."""
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return (
        f"{found['processor']}, {found['cores']} cores, {found['threads']} threads, Python {found['python']}, {versions}; "
        f"{rounds} rounds; load before them {found['load_before']}; {found['date']}. "
        "Figures are medians of the rounds, least and largest in brackets."
    )


def write(sections: list[Section], results: dict[str, Any], rounds: int, document: bool) -> None:
    """results.json and results.md, and the figures of the page."""
    lines = [asdict(line) for section in sections for line in section.lines]
    (FOLDER / "results.json").write_text(json.dumps({**results, "lines": lines}, indent=1))
    text = markdown(sections, conditions(results["environment"], rounds))
    (FOLDER / "results.md").write_text(text)
    if document:
        PAGE.write_text(PAGE.read_text("utf-8").partition(MARK)[0] + MARK + "\n" + text, "utf-8")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(measurements.ALL), help="measure these only")
    parser.add_argument("--large", action="store_true", help="also a CSV of ten million rows")
    parser.add_argument("--document", action="store_true", help="write the figures into docs/benchmarks.md")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=task.TRAIN_ROWS, help="pictures of an epoch")
    given = parser.parse_args()
    names = given.only or [name for name in measurements.ALL if name != "large" or given.large]
    hold_to_two_cores()
    began, sections = time.perf_counter(), list[Section]()
    results: dict[str, Any] = {"environment": environment()}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MODELWRIGHT_CACHE"] = str(Path(folder) / "cache")
        setting = measurements.Setting(Path(folder), given.rounds, given.pictures)
        for name in names:
            print(f"{name}:", file=sys.stderr)
            found, results[name] = measurements.ALL[name](setting)
            sections += found
            write(sections, results, given.rounds, given.document)
    print(terminal(sections))
    print(f"\n{conditions(results['environment'], given.rounds)}\nMeasured in {time.perf_counter() - began:.0f} s.")


if __name__ == "__main__":
    main()
