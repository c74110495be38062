"""What a run's folder shows: the report of every verb in `reports/`, all of them as one page, and its card."""

from __future__ import annotations

from pathlib import Path

from . import provenance
from .card import card
from .files import write_json, write_text
from .pages import render_html
from .report import Block, Report, Section, Table, render_markdown
from .status import intact

FIRST = "train"


def publish(report: Report, folder: Path, name: str = FIRST, *, page: bool = True) -> None:
    """Write a verb's report into a run folder as `reports/<name>.json`; page: also `report.html` of all, and `card.md`."""
    (folder / "reports").mkdir(exist_ok=True)
    write_json(folder / "reports" / f"{name}.json", report.to_json())
    if page:
        render(folder)


def render(folder: Path) -> None:
    """Write `report.html` and `card.md` from all that is known of a run."""
    write_text(folder / "report.html", render_html(assemble(folder)))
    write_text(folder / "card.md", render_markdown(card(folder)))


def assemble(folder: Path) -> Report:
    """All reports of a run as one: that of its training first, the others in the order of their names."""
    files = sorted((folder / "reports").glob("*.json"), key=lambda file: (file.stem != FIRST, file.stem))
    title, blocks = str(folder), list[Block]()
    for number, file in enumerate(files):
        with intact(file):
            found = Report.from_json(file.read_text("utf-8"))
        if number == 0:
            title = found.title
        else:
            blocks.append(Section(found.title))
        blocks += found.blocks
    log = [[line["time"], line["verb"], provenance.words(line), line["weights"]] for line in provenance.read(folder)]
    if log:
        note = "Every verb that touched this run; the weights by the first digits of their SHA-256."
        blocks += [Section("Log"), Table("", ["time", "verb", "arguments", "weights"], log, note=note)]
    return Report(title, blocks)
