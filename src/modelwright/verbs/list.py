"""The verb `list`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import RunError, UserError, did_you_mean
from ..report import Report, Table


def list_runs(what: str = "runs") -> Report:
    """List runs and their status, or the kinds of parts.

    Args:
        what: a folder of runs (default: runs), or a room: encoders, columns, readers, heads, fuse, baselines, compression, explainers, audits, optimizers, schedules, data
    """
    rooms = (
        "encoders",
        "columns",
        "readers",
        "heads",
        "fuse",
        "models",
        "transforms",
        "baselines",
        "compression",
        "explainers",
        "audits",
        "optimizers",
        "schedules",
        "augmentation",
        "data",
    )
    if what == "data":
        return _data_sets()
    if what in rooms:
        return _parts(what, "data.augmentation" if what == "augmentation" else what)
    folder = Path(what)
    if not folder.is_dir():
        if what == "runs":
            return Report(
                "Runs",
                data={"runs": []},
                blocks=[Table("no runs yet: modelwright train digits makes one", ["run"], [])],
            )
        raise UserError("is neither a folder nor a room of parts.", where=what, hint=did_you_mean(what, rooms))
    return _runs(folder)


def _runs(folder: Path) -> Report:
    from ..status import read_json, read_status

    entries: list[dict[str, Any]] = []
    candidates = [folder] if (folder / "status").exists() else sorted(folder.iterdir())
    for path in candidates:
        if path.name.startswith(".") or not (path / "status").exists():  # hidden: one that a verb is still writing
            continue
        try:
            status = read_status(path)
            state, note = status.state, status.message
        except RunError as error:
            state, note = "damaged", error.message
        scores = ""
        if (path / "metrics.json").exists():
            try:
                scores = _main_scores(read_json(path / "metrics.json"))
            except (RunError, AttributeError) as error:
                note = f"metrics.json cannot be read ({error})"
        entries.append({"run": str(path), "status": state, "score": scores, "note": note})
    columns = ["run", "status", "score", "note"]
    rows = [[entry[c] for c in columns] for entry in entries]
    return Report("Runs", [Table(str(folder), columns, rows)], data={"runs": entries})


def _main_scores(values: dict[str, Any]) -> str:
    shown = []
    for target, scores in values.get("test", {}).items():
        names = ("accuracy", "rmse", "micro_f1", "bleu", "elbo", "f1", "perplexity")
        name = next((n for n in names if scores.get(n) is not None), None)
        if name:
            shown.append(f"{target}: {name} {scores[name]:.4g}")
    return ", ".join(shown)


def _parts(name: str, room: str) -> Report:
    import inspect

    from .. import parts

    overview, details, data = [], [], []
    for kind in parts.kinds(room):
        part = parts.find(room, kind)
        helps, file = parts.option_help(part), parts.origin(room, kind)
        summary = (inspect.getdoc(part) or "").split("\n\n")[0].replace("\n", " ")
        overview.append([kind, summary])
        options = {name: option.default for name, option in parts.options(part).items()}
        rows = [[name, _show(default), helps.get(name, "")] for name, default in options.items()]
        details.append(Table(kind, ["option", "default", "what it does"], rows, note=file))
        described = {
            n: {"default": None if d is inspect.Parameter.empty else d, "help": helps.get(n, "")}
            for n, d in options.items()
        }
        data.append({"kind": kind, "summary": summary, "options": described, "file": file})
    return Report(name, [Table("", ["kind", "what it is"], overview), *details], data={name: data})


def _show(default: Any) -> str:
    import inspect

    return (
        "required"
        if default is inspect.Parameter.empty
        else str(list(default))
        if isinstance(default, tuple)
        else str(default)
    )


def _data_sets() -> Report:
    from ..data import catalogue

    sets = [catalogue.find(name) for name in catalogue.names()]
    rows = [
        [s.name, s.about, ", ".join(s.targets), "bundled" if not s.files else ", ".join(f.path for f in s.files)]
        for s in sets
    ]
    columns = ["name", "what it is", "targets", "files"]
    return Report(
        "Named data sets",
        [Table("use as data: <name>", columns, rows)],
        data={"data": [dict(zip(columns, r)) for r in rows]},
    )
