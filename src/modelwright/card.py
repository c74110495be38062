"""The model card and data sheet of a run: what a reviewer asks first, from what its folder holds, and what nobody has said.

After Mitchell 2019 (Model Cards) and Gebru 2021 (Datasheets). Reads files only; knows neither models nor torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from . import metrics, provenance
from .recipe_checks import ABOUT
from .report import Block, Number, Report, Section, Table, Text, shown
from .status import intact, read_json

LIGHTS = 12  # of an audit that are shown, the gravest
GROUPS = 5
COLUMNS = 40
LOG = 20  # latest lines
FIRST, ROWS = 3, 10  # blocks of another verb's report, and rows of a table


def card(folder: Path) -> Report:
    """The card of a run."""
    recipe: dict[str, Any] = {}
    if (file := folder / "resolved.yaml").exists():
        with intact(file):
            recipe = yaml.safe_load(file.read_text("utf-8"))
    kinds = _json(folder, "columns.json")
    blocks = [
        *_model(folder, recipe, kinds),
        *_quality(_json(folder, "metrics.json"), kinds),
        *_audit(_json(folder, "reports/audit.json").get("blocks") or []),
        *_data(folder, recipe, kinds),
        *_protection(folder, recipe, kinds),
        *_others(folder),
        *_log(folder),
    ]
    return Report(f"Model card: {folder.resolve().name}", blocks)


def _json(folder: Path, name: str) -> dict[str, Any]:
    return read_json(folder / name) if (folder / name).exists() else {}


def _stated(recipe: dict[str, Any], data: bool) -> Iterator[list[Any]]:
    """What a person has said of the model or of its data, and the keys of what nobody has."""
    about = recipe.get("about") or {}
    asked = {key: question for key, question in ABOUT.items() if key.startswith("data_") == data}
    yield from ([question, about[key]] for key, question in asked.items() if about.get(key))
    if unsaid := [f"{question.lower()} (about.{key})" for key, question in asked.items() if not about.get(key)]:
        yield ["Not stated", "; ".join(unsaid)]


def _model(folder: Path, recipe: dict[str, Any], columns: dict[str, Any]) -> list[Block]:
    measured, made = _json(folder, "metrics.json"), _json(folder, "environment.json")
    model, train = recipe.get("model", {}), recipe.get("train", {})
    targets = {name: entry["kind"] for name, entry in columns.items() if entry["target"]}
    rebuilt = [name for name in recipe.get("targets") or {} if name not in columns or name not in targets]
    predicts = [f"{name} ({kind})" for name, kind in targets.items()] + [f"{name} (written again)" for name in rebuilt]
    encoders = [f"{name}: {config['kind']}" for name, config in model.get("encoders", {}).items()]
    changed = [each["kind"] for each in recipe.get("transforms") or []]
    rows = [
        ["Predicts", ", ".join(predicts) or "the next token of a text"],
        ["Reads", ", ".join(name for name, entry in columns.items() if not entry["target"]) or "text"],
        ["Built of", ", ".join(encoders) or f"a {model.get('kind')} model"],
        ["Size", f"{shown(measured.get('parameters'))} parameters, {shown(measured.get('bytes'))} bytes"],
        ["Changed after training", ", ".join(changed) or "no"],
        ["Trained", f"{made.get('time', 'at an unknown time')}, modelwright {made.get('modelwright', '?')}, seed {train.get('seed')}"],
        ["Ended", f"{measured.get('stopped') or 'not known'}, after {shown(measured.get('seconds', {}).get('train'))} s"],
        ["Weights", f"SHA-256 {provenance.fingerprint(folder)}..."],
    ]  # fmt: skip
    return [Table("", ["", ""], [*rows, *_stated(recipe, data=False)])]


def _quality(measured: dict[str, Any], columns: dict[str, Any]) -> list[Block]:
    rows = []
    for target, scores in measured.get("test", {}).items():
        kind = columns[target]["kind"] if columns.get(target, {}).get("target") else "reconstruct"
        told = {"perplexity": "language", "return": "policy"}  # scores that only models of these kinds have
        main, higher = metrics.main(next((known for score, known in told.items() if score in scores), kind))
        others = {name: each[target][main] for name, each in measured.get("baselines", {}).items() if each.get(target)}
        others = {name: value for name, value in others.items() if value is not None}
        best = (max if higher else min)(others, key=others.__getitem__, default=None)
        beside = f"{best}: {shown(others[best])}" if best else "none"
        low, high = scores.get(f"{main}_interval") or (None, None)
        rows.append([target, main, scores.get(main), low, high, scores.get("rows"), beside])
    if not rows:
        return [Section("Quality"), Text("", "Not measured: no row was held back for a test.", "warning")]
    columns_ = ["target", "measure", "value", "from", "to", "rows", "best baseline"]
    note = "On test rows that took no part in training. From, to: 95 % interval."
    return [Section("Quality"), Table("", columns_, rows, note=note)]


def _audit(blocks: list[dict[str, Any]]) -> list[Block]:
    """The gravest lights of the latest whole audit, and the groups that are served worst."""
    tables = [block for block in blocks if block["block"] == "table"]
    lights = next((table for table in tables if table["columns"][:1] == ["light"]), None)
    if lights is None:
        text = "Not measured: leaks, wrong labels, groups, attacks, damaged inputs, membership. modelwright audit RUN"
        return [Section("Audit"), Text("", text, "warning")]
    rows = [row[:4] for row in lights["rows"][:LIGHTS]]
    left = len(lights["rows"]) - len(rows)
    note = f"And {left} more, less grave: report.html." if left > 0 else ""
    found: list[Block] = [Section("Audit"), Table("", lights["columns"][:4], rows, note=note)]
    groups = [table for table in tables if table["title"].startswith("Groups: ")]
    found += [Table(each["title"], each["columns"], each["rows"][:GROUPS], note="The worst first.") for each in groups]
    return found


def _data(folder: Path, recipe: dict[str, Any], columns: dict[str, Any]) -> list[Block]:
    measured, data = _json(folder, "metrics.json"), recipe.get("data")
    source = data.get("path", data.get("train")) if isinstance(data, dict) else data
    split = (data.get("split") if isinstance(data, dict) else None) or "as the data fix it, otherwise stratified"
    counts = measured.get("rows", {})
    rows = [
        ["Source", str(source)],
        ["Rows", ", ".join(f"{count:,} {part}" for part, count in counts.items()) or "not known"],
        ["Split", split if isinstance(split, str) else json.dumps(split)],
        *_stated(recipe, data=True),
    ]
    found: list[Block] = [Section("Data sheet"), Table("", ["", ""], rows)]
    lines = [
        [name, "target" if entry["target"] else "input", entry["kind"], _values(entry["state"])]
        for name, entry in columns.items()
    ]
    more = f"And {len(lines) - COLUMNS} more: columns.json." if len(lines) > COLUMNS else ""
    return found + ([Table("", ["column", "role", "kind", "values"], lines[:COLUMNS], note=more)] if lines else [])


def _values(state: dict[str, Any]) -> str:
    """What a fitted column has seen, in words."""
    classes, counts = state.get("classes") or [], state.get("counts") or []
    named = [f"{name} {count:,}" if count else str(name) for name, count in zip(classes, counts or [0] * len(classes))]
    if named:
        return ", ".join(named[:8]) + (f" and {len(named) - 8} more" if len(named) > 8 else "")
    vocabulary = state.get("vocabulary")
    return (
        f"{len(vocabulary):,} tokens known" if vocabulary else "missing cells occur" if state.get("has_missing") else ""
    )


def _protection(folder: Path, recipe: dict[str, Any], columns: dict[str, Any]) -> list[Block]:
    """Masked columns and the ledger of differential privacy."""
    masked = {name: entry["options"]["mask"] for name, entry in columns.items() if entry["options"].get("mask")}
    ledger = _json(folder, "privacy.json")
    spent = {key: ledger.get(key) for key in ("epsilon", "delta", "accountant")}
    private = ", ".join(f"{key} {shown(value)}" for key, value in spent.items() if value is not None)
    clients = (recipe.get("federated") or {}).get("clients")
    attacks = recipe.get("train", {}).get("adversarial")
    rows = [
        ["Masked before anything was stored", "; ".join(f"{n}: {', '.join(map(str, m))}" for n, m in masked.items()) or "nothing"],
        ["Differential privacy", private if spent["epsilon"] is not None else "no"],
        ["Federated", f"by {clients} clients that kept their rows" if clients else "no"],
        ["Trained on attacks", f"epsilon {attacks['epsilon']:g}" if attacks else "no"],
    ]  # fmt: skip
    found = _section(folder / "reports" / "train.json", "Privacy") if ledger else []
    return [Section("Protection"), Table("", ["", ""], rows), *found]


def _section(file: Path, title: str) -> list[Block]:
    """A section of a report, none where there is none."""
    if not file.exists():
        return []
    with intact(file):
        blocks = Report.from_json(file.read_text("utf-8")).blocks
    starts = [place for place, block in enumerate(blocks) if isinstance(block, Section)] + [len(blocks)]
    for start, end in pairwise(starts):
        if blocks[start] == Section(title):
            return blocks[start:end]
    return []


def _others(folder: Path) -> Iterator[Block]:
    """The first that every other verb has found out: of each report its first texts, figures and tables, and every warning."""
    for file in sorted((folder / "reports").glob("*.json")):
        if file.stem.partition("_")[0] in ("train", "audit"):
            continue
        with intact(file):
            report = Report.from_json(file.read_text("utf-8"))
        yield Section(report.title)
        told = [one for one in report.blocks if isinstance(one, (Number, Text, Table))]
        warnings = [one for one in told[FIRST:] if isinstance(one, Text) and one.tone == "warning"]
        for block in told[:FIRST] + warnings:
            yield replace(block, rows=block.rows[:ROWS]) if isinstance(block, Table) else block


def _log(folder: Path) -> list[Block]:
    lines = provenance.read(folder)
    names = sorted(file.stem for file in (folder / "reports").glob("*.json"))
    rows = [[line["time"], line["verb"], provenance.words(line), line["weights"]] for line in lines[-LOG:]]
    note = f"Every verb that touched this run, the weights by the first digits of their SHA-256. Reports: {', '.join(names)}."
    return [Section("Log"), Table("", ["time", "verb", "arguments", "weights"], rows, note=note)] if rows else []
