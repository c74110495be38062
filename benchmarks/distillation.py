"""A student that sees 1,000 labels of MNIST, alone and taught by a run that has seen all of them.

    python benchmarks/distillation.py TEACHER [--labels 1000] [--epochs 3]

TEACHER is a run of MNIST. The student is the dense net 784-256-128-10. Alone it learns from the labelled pictures, for as
many epochs as its validation loss falls; taught, it also sees the other training pictures, without their labels. Prints the
accuracies on the official test set and how much of the gap between the student alone and its teacher is closed.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import modelwright as mw
from modelwright.data.reading import read

NET = {"encoders": {"image": {"kind": "mlp", "hidden": [256, 128], "dropout": 0.2}}}


def write(folder: Path, labels: int) -> None:
    """train.parquet without most of its labels, few.parquet with the labelled rows alone, and test.parquet."""
    rows = read("mnist", Path("."))
    assert rows.part is not None
    train = rows.table.filter(pa.array(rows.part != 2))
    known = np.zeros(train.num_rows, bool)
    known[np.random.default_rng(0).permutation(train.num_rows)[:labels]] = True
    seen = pa.array(train["label"].to_numpy(), mask=~known)
    pq.write_table(train.set_column(1, "label", seen), folder / "train.parquet")
    pq.write_table(train.filter(pa.array(known)), folder / "few.parquet")
    pq.write_table(rows.table.filter(pa.array(rows.part == 2)), folder / "test.parquet")


def recipe(folder: Path, train: str, **plan: Any) -> dict[str, Any]:
    """The student's recipe on one of the files."""
    data = {"train": str(folder / train), "test": str(folder / "test.parquet")}
    return {
        "data": data,
        "target": "label",
        "model": NET,
        "train": {"lr": 1e-3, "batch": 64, **plan},
        "baselines": False,
    }


def main() -> None:
    """Train both students and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teacher")
    parser.add_argument("--labels", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, given.labels)
        alone = mw.train(
            recipe(folder, "few.parquet", epochs=100, early_stop=10), out=str(folder / "alone"), report=False
        )
        student = recipe(folder, "train.parquet", epochs=given.epochs, early_stop=0)
        step = {"kind": "distill", "student": student}
        taught = mw.compress(given.teacher, step, out=str(folder / "taught"), timing=False)
        teacher = taught.metrics["compress"]["before"]
        scores = [found["label"]["accuracy"] for found in (teacher, alone.metrics["test"], taught.metrics["test"])]
    for who, score in zip(("teacher", f"student alone, {given.labels:,} labels", "student taught"), scores):
        print(f"{who:32} {score:.4f}")
    print(f"{'gap closed':32} {(scores[2] - scores[1]) / (scores[0] - scores[1]):.0%}")


if __name__ == "__main__":
    main()
