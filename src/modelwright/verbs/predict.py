"""The verb `predict`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..provenance import recorded


@recorded
def predict(run: str, rows: str, *, out: str | None = None, probabilities: bool = False) -> Any:
    """Predict every row of a file, one output row a row, in order.

    Args:
        run: a run folder, or the tree that explain has written (.json)
        rows: a file (CSV, Parquet, JSON lines, ...), a folder of images, or - for CSV or JSON lines on stdin
        out: the file to write (.csv, .parquet or .jsonl; default: CSV on stdout)
        probabilities: add a column <target>_<class> for every class
    """
    from ..columns import maskers
    from ..explainers._rules import Rules
    from ..prediction_files import read_stdin, write
    from ..report import Report
    from ..run import Run

    loaded: Any = Rules.read(run) if run.endswith(".json") else Run.load(run)
    masks = maskers(loaded.recipe.columns) if isinstance(loaded, Run) else {}
    given = read_stdin(sys.stdin.buffer, masks) if rows == "-" else rows
    if out and not out.endswith((".csv", ".parquet", ".jsonl")):
        raise DataError("the format is not known.", where=out, hint="Name the file .csv, .parquet or .jsonl.")
    table = loaded.predict(given, probabilities)
    data = {"rows": table.num_rows, "columns": table.column_names, "problems": loaded.problems}
    report = Report(f"Predictions of {run}", data=data)
    for problem in loaded.problems:
        print(f"note: {problem}", file=sys.stderr)
    if out:
        write(table, Path(out))
        report.data["out"] = out
        print(f"{table.num_rows:,} predictions written to {out}", file=sys.stderr)
    else:
        report.data["predictions"] = table.to_pylist()
        report.write = lambda: write(table, None)
    return report
