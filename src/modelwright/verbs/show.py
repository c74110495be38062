"""The verb `show`."""

from __future__ import annotations

from pathlib import Path

from ..provenance import recorded
from ..report import Report


@recorded
def show(run: str) -> Report:
    """Show the report of a run: scores, curves, advice.

    Args:
        run: a run folder
    """
    from ..errors import RunError
    from ..status import intact, read_json, read_status

    path = Path(run)
    status = read_status(path)
    file = path / "reports" / "train.json"
    if not file.exists():
        raise RunError(
            f"the run is {status.state} and has no report yet.",
            where=run,
            hint=status.message or f"modelwright evaluate {run} scores it.",
        )
    with intact(file):
        report = Report.from_json(file.read_text(encoding="utf-8"))
    report.data = {"run": run, "status": status.state, **read_json(path / "metrics.json")}
    return report
