"""Trains what `recipes/*/field.yaml` lists, by the command line, and writes the table of docs/fields.md.

    make fields                                          # all fields
    make fields ARGUMENTS="speech vision/cifar10.yaml"   # two of them, of one a single recipe
    make fields ARGUMENTS="--short"                      # minutes instead of hours; writes no table
    make fields ARGUMENTS="--table"                      # trains nothing, writes the table again

Every result is kept in recipes/fields.json with its date and machine, so that the fields can be trained one by one; the
table shows the latest of each. Exit codes: 0 good, 1 a floor was missed or a run failed, 2 a field.yaml is wrong.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

RECIPES = Path(__file__).parent
MARKS = ("<!-- figures -->\n", "<!-- end -->\n")
ENGLISH = ["field", "data", "metric", "reached", "floor", "goal", "published", "minutes", "parameters", "seeds", "date"]
CHINESE = ["领域", "数据", "指标", "结果", "下限", "目标", "文献", "分钟", "参数量", "种子数", "日期"]
PAGES = {"fields.md": ENGLISH, "fields.zh-CN.md": CHINESE}
Runs = dict[tuple[Any, ...], "Trained | str"]


class BadField(ValueError):
    """A field.yaml that is wrong, or a field that is not there; the message says all of it."""


class Result(BaseModel):
    """One line of the table: what `modelwright train <recipe>` must reach at `test.<target>.<metric>`."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    data: str = Field(min_length=1)
    recipe: str = Field(pattern=r"^[\w./-]+\.yaml$")
    target: str
    metric: str
    better: Literal["higher", "lower"]
    floor: float
    goal: float | None = None
    published: str
    seeds: list[int] = Field(min_length=1)
    short: dict[str, Any] | None = None
    short_floor: float | None = None

    @model_validator(mode="after")
    def _whole(self) -> Result:
        if (self.short is None) != (self.short_floor is None):
            raise ValueError("short and short_floor belong together")
        if self.goal is not None and not self.reaches(self.goal, self.floor):
            raise ValueError(f"the goal {self.goal} is worse than the floor {self.floor}")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("a seed stands twice")
        return self

    def reaches(self, value: float, bar: float) -> bool:
        return value >= bar if self.better == "higher" else value <= bar


class FieldFile(BaseModel):
    """A field.yaml."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: str = Field(min_length=1)
    chinese: str = Field(min_length=1)
    results: list[Result] = Field(min_length=1)


@dataclass(frozen=True)
class Trained:
    """What one run came to."""

    test: dict[str, Any]
    parameters: int
    minutes: float


@dataclass
class Outcome:
    """What this call has to say: lines for whoever reads, and which of them are failures."""

    failures: list[str] = field(default_factory=list)

    def say(self, line: str, failed: bool = False) -> None:
        print(line, flush=True)
        if failed:
            self.failures.append(line)


def fields(folder: Path) -> dict[str, FieldFile]:
    """Folder name -> field, of every `*/field.yaml`. Raises BadField with all that is wrong in all of them."""
    found, wrong = {}, []
    for path in sorted(folder.glob("*/field.yaml")):
        try:
            found[path.parent.name] = checked = FieldFile.model_validate(yaml.safe_load(path.read_text("utf-8")))
        except (ValidationError, yaml.YAMLError) as error:
            wrong += [f"{path}: {line}" for line in _told(error)]
            continue
        wrong += [
            f"{path}: results.{number}.recipe: there is no {path.parent / result.recipe}"
            for number, result in enumerate(checked.results)
            if not (path.parent / result.recipe).exists()
        ]
        keys = [key(path.parent.name, result) for result in checked.results]
        wrong += [f"{path}: results: {one} stands twice" for one in sorted({k for k in keys if keys.count(k) > 1})]
    if wrong:
        raise BadField("\n".join(wrong))
    return found


def _told(error: ValidationError | yaml.YAMLError) -> list[str]:
    if isinstance(error, yaml.YAMLError):
        return [" ".join(str(error).split())]
    return [f"{'.'.join(map(str, one['loc'])) or 'file'}: {one['msg']}" for one in error.errors()]


def key(name: str, result: Result) -> str:
    """What a result is called in fields.json."""
    return f"{name}/{result.recipe} {result.target}.{result.metric}"


def chosen(all_fields: dict[str, FieldFile], wanted: list[str]) -> Iterator[tuple[str, Result]]:
    """The results of the wanted fields (`speech`) and recipes (`speech/fsdd.yaml`); all where none is named."""
    named = [(name, result) for name, one in all_fields.items() for result in one.results]
    known = {*all_fields, *(f"{name}/{result.recipe}" for name, result in named)}
    if unknown := [word for word in wanted if word not in known]:
        raise BadField(f"there is no field {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
    for name, result in named:
        if not wanted or name in wanted or f"{name}/{result.recipe}" in wanted:
            yield name, result


def train(recipe: Path, overrides: dict[str, Any]) -> Trained | str:
    """Train by the command line, in a folder that is thrown away; a text says why there is no result."""
    words = [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in overrides.items()]
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "modelwright.cli",
            "train",
            str(recipe),
            *words,
            "--no-baselines",
            "--no-report",
        ]
        began = time.monotonic()
        done = subprocess.run(
            [*command, "--out", str(Path(folder) / "run"), "--json"], capture_output=True, text=True, encoding="utf-8"
        )
        minutes = (time.monotonic() - began) / 60
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return f"`modelwright train {recipe.name} {' '.join(words)}` ended with {done.returncode}: {last}"
    told = json.loads(done.stdout.strip().splitlines()[-1])
    return Trained(told["test"], told["parameters"], minutes)


def measure(
    folder: Path, name: str, result: Result, short: bool, runs: Runs, outcome: Outcome
) -> dict[str, Any] | None:
    """Train a result with all its seeds, or the first for the short version; what is kept of it, None if it failed.

    runs: what was trained before; results of one recipe share its runs.
    """
    values, trained = [], []
    for seed in result.seeds[:1] if short else result.seeds:
        overrides = {**((result.short or {}) if short else {}), "train.seed": seed}
        place = (name, result.recipe, json.dumps(overrides, sort_keys=True))
        if place not in runs:
            runs[place] = train(folder / name / result.recipe, overrides)
        one = runs[place]
        if isinstance(one, str):
            outcome.say(f"{key(name, result)}: {one}", failed=True)
            return None
        measures = one.test.get(result.target, {})
        if not isinstance(measures.get(result.metric), (int, float)):
            there = ", ".join(f"{target}.{metric}" for target, found in one.test.items() for metric in found)
            outcome.say(f"{key(name, result)}: the run has no such figure, but {there}", failed=True)
            return None
        values.append(float(measures[result.metric]))
        trained.append(one)
    return {
        "values": values,
        "minutes": round(statistics.mean(one.minutes for one in trained), 3),
        "parameters": trained[0].parameters,
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "machine": machine(),
        "recipe_sha256": digest(folder / name / result.recipe),
    }


def machine() -> str:
    """Where figures were reached."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{cores} cores, {platform.machine()}, torch {version('torch')}"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def judge(name: str, result: Result, kept: dict[str, Any], short: bool, outcome: Outcome) -> None:
    """Say what was reached, and whether that is enough."""
    bar = result.short_floor if short else result.floor
    value = statistics.mean(kept["values"])
    enough = bar is None or result.reaches(value, bar)
    line = f"{key(name, result)}: {_value(kept['values'])} in {kept['minutes']:.1f} minutes"
    side = "at least" if result.better == "higher" else "at most"
    outcome.say(line if enough else f"{line}: the floor, {side} {bar}, is missed", failed=not enough)


def _value(values: list[float]) -> str:
    """The mean, with the standard deviation where there are several."""
    mean = f"{statistics.mean(values):.4g}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.pstdev(values):.2g}"


def stored(store: Path, known: set[str]) -> dict[str, Any]:
    """What was reached before, of results that still exist. Read anew for each result: other fields may be trained beside."""
    kept = json.loads(store.read_text("utf-8")) if store.exists() else {}
    return {place: found for place, found in kept.items() if place in known}


def keep(store: Path, kept: dict[str, Any]) -> None:
    """Write it whole or not at all."""
    new = store.with_suffix(".new")
    new.write_text(json.dumps(kept, indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")
    new.replace(store)


def table(folder: Path, all_fields: dict[str, FieldFile], kept: dict[str, Any], page: str) -> str:
    """The table as Markdown, and below it where its figures are from."""
    chinese, heads = page.endswith("zh-CN.md"), PAGES[page]
    lines, changed = [heads, ["---"] * len(heads)], False
    for name, one in all_fields.items():
        title = one.chinese if chinese else one.name
        link = f"[{title}](fields/{name}{'.zh-CN' if chinese else ''}.md)"
        for result in one.results:
            found = kept.get(key(name, result))
            sign = "≥" if result.better == "higher" else "≤"
            bars = [f"{sign} {result.floor:g}", "–" if result.goal is None else f"{sign} {result.goal:g}"]
            reached, minutes, parameters, seeds, date = ["–"] * 5
            if found:
                reached, seeds, date = _value(found["values"]), str(len(found["values"])), found["date"]
                minutes, parameters = f"{found['minutes']:.1f}", f"{found['parameters']:,}"
                if not result.reaches(statistics.mean(found["values"]), result.floor):
                    reached += "，未达到" if chinese else ", missed"
                if found["recipe_sha256"] != digest(folder / name / result.recipe):
                    reached, changed = reached + " †", True
            cells = [
                link,
                result.data,
                result.metric,
                reached,
                *bars,
                result.published,
                minutes,
                parameters,
                seeds,
                date,
            ]
            lines.append([cell.replace("|", r"\|") for cell in cells])
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
    if kept:
        machines = "; ".join(sorted({found["machine"] for found in kept.values()}))
        spent = {place.split(" ")[0]: found["minutes"] * len(found["values"]) for place, found in kept.items()}
        minutes = f"{sum(spent.values()):.0f}"  # results of one recipe share its runs
        text += (
            f"\n机器：{machines}。全部种子共 {minutes} 分钟。\n"
            if chinese
            else f"\n{machines}; {minutes} minutes with all seeds.\n"
        )
    if changed:
        text += "\n† " + ("此后配方有改动。" if chinese else "The recipe has been changed since.") + "\n"
    return text


def document(docs: Path, folder: Path, all_fields: dict[str, FieldFile], kept: dict[str, Any]) -> None:
    """Put the table between the marks of its pages."""
    for page in PAGES:
        before, _, rest = (docs / page).read_text("utf-8").partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        text = before + MARKS[0] + table(folder, all_fields, kept, page) + MARKS[1] + after
        (docs / page).write_text(text, "utf-8")


def main(arguments: list[str] | None = None, folder: Path = RECIPES, docs: Path = RECIPES.parent / "docs") -> int:
    """Train the chosen fields, write the table and say what was missed; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wanted", nargs="*", metavar="FIELD", help="a folder of recipes, or folder/recipe.yaml")
    parser.add_argument("--short", action="store_true", help="train the short versions, write no table")
    parser.add_argument("--table", action="store_true", help="train nothing, write the table from fields.json")
    options = parser.parse_args(arguments)
    store, outcome, runs = folder / "fields.json", Outcome(), Runs()
    try:
        all_fields = fields(folder)
        results = [] if options.table else list(chosen(all_fields, options.wanted))
    except BadField as error:
        print(error, file=sys.stderr)
        return 2
    known = {key(name, result) for name, one in all_fields.items() for result in one.results}
    for name, result in results:
        if options.short and result.short is None:
            continue
        found = measure(folder, name, result, options.short, runs, outcome)
        if found is None:
            continue
        judge(name, result, found, options.short, outcome)
        if not options.short:  # kept at once: a later field may take hours
            keep(store, {**stored(store, known), key(name, result): found})
    if not options.short:
        document(docs, folder, all_fields, stored(store, known))
    if outcome.failures:
        print(f"\n{len(outcome.failures)} of {len(results)} missed:", *outcome.failures, sep="\n", file=sys.stderr)
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
