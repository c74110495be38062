"""Makes a CSV of many mixed rows, trains an epoch on it with `modelwright train`, and watches the memory.

Prints seconds and the peak of RssAnon (memory that no file backs), sampled every 0.2 s. Linux only.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import task

CHUNK = 500_000
TOWNS, PLANS = [f"town {number}" for number in range(200)], ["basic", "plus", "family", "business"]


def make(path: Path, rows: int) -> None:
    """Write `rows` rows: numbers with gaps, categories, a date, a boolean, and a target that depends on them."""
    random = np.random.default_rng(0)
    writer = None
    with path.open("wb") as file:
        for start in range(0, rows, CHUNK):
            table = _chunk(random, min(CHUNK, rows - start))
            writer = writer or pa.csv.CSVWriter(file, table.schema)
            writer.write_table(table)
        if writer:
            writer.close()


def _chunk(random: np.random.Generator, rows: int) -> pa.Table:
    usage, fee = random.gamma(2.0, 30.0, rows).round(2), random.normal(40, 12, rows).round(2)
    plan, town = random.integers(0, len(PLANS), rows), random.integers(0, len(TOWNS), rows)
    days, active = random.integers(15_000, 20_000, rows), random.random(rows) < 0.7
    score = 0.02 * usage - 0.05 * fee + 0.7 * plan - 1.2 * active + random.logistic(0, 1, rows)
    return pa.table({
        "usage": pa.array(usage, mask=random.random(rows) < 0.03),
        "fee": fee,
        "calls": random.poisson(6, rows),
        "balance": random.normal(0, 500, rows).round(2),
        "plan": np.array(PLANS)[plan],
        "town": np.array(TOWNS)[town],
        "joined": pa.array(days.astype(np.int32), pa.date32()),
        "active": np.where(active, "yes", "no"),
        "left": np.where(score > 0, "left", "stayed"),
    })  # fmt: skip


def anonymous_bytes(process: int) -> int:
    """RssAnon of a process, 0 when it has gone."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon")), 0)


def train(data: Path, folder: Path) -> dict[str, float]:
    """Train an epoch; seconds and the peak in GB."""
    command = [sys.executable, "-m", "modelwright.cli", "train", str(data), "train.epochs=1", "--target", "left"]
    command += ["--no-baselines", "--no-report", "--out", str(folder / "run")]
    environment = {**os.environ, "MODELWRIGHT_CACHE": str(folder / "cache")}
    began, peak, samples = time.perf_counter(), 0, []
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        used = anonymous_bytes(process.pid)
        samples.append((time.perf_counter() - began, used))
        peak = max(peak, used)
        time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"training ended with {process.returncode}")
    when = next(moment for moment, used in samples if used == peak)
    return {"seconds": time.perf_counter() - began, "peak_gigabytes": peak / 1e9, "peak_after_seconds": when}


def main() -> None:
    """Make, train, answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make(folder / "rows.csv", given.rows)
        size = (folder / "rows.csv").stat().st_size
        task.answer(rows=given.rows, file_gigabytes=size / 1e9, **train(folder / "rows.csv", folder))


if __name__ == "__main__":
    main()
