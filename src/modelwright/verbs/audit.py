"""The verb `audit`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import RunError, UserError, did_you_mean
from ..provenance import recorded
from ..report import Block, Report, Section, Table, Text

if TYPE_CHECKING:
    from ..audits._case import Finding

LIGHTS = {
    "bad": "\U0001f534 bad",
    "warning": "\U0001f7e1 warning",
    "good": "\U0001f7e2 good",
    "none": "\u26aa",
}
TONES = {"bad": "warning", "warning": "warning", "good": "good", "none": "plain"}


@recorded
def audit(
    run: str,
    data: str | Any = None,
    *options: str,
    only: str = "",
    quick: bool = False,
    seconds: float = 120.0,
    shadows: int = 8,
    seed: int = 0,
    fail_on: str = "",
) -> Report:
    """Look for what a score does not show: leaks, attacks, drift.

    Also wrong labels, memory of single rows, and groups that fare worse.

    Args:
        run: a run folder
        data: a file to compare with the training rows, for drift and out_of_distribution
        options: check.option=value, for example attack.epsilon=0.05
        only: checks to make, with commas (default: all); they are listed by: modelwright list audits
        quick: fewer rows, and no models trained again
        seconds: how long shadow models may be trained, for membership, label_errors and overfitting
        shadows: how many of them at most
        seed: of whatever is drawn
        fail_on: exit with code 1 where a light is bad, or warning
    """
    from .. import parts
    from ..audits._case import Case
    from ..publication import publish
    from ..run import Run

    if isinstance(data, str) and "=" in data and not Path(data).exists():
        options, data = (data, *options), None
    if fail_on not in ("", "bad", "warning"):
        raise UserError(f"'{fail_on}' is no light to fail on.", where="--fail-on", hint="Known: bad, warning.")
    chosen = [name.strip() for name in only.split(",") if name.strip()]
    for name in chosen:
        if name not in parts.kinds("audits"):
            hint = did_you_mean(name, parts.kinds("audits"))
            raise UserError(f"'{name}' is not a check.", where="--only", hint=hint)
    checks = {name: parts.build("audits", config) for name, config in _configs(options, chosen).items()}
    loaded = run if isinstance(run, Run) else Run.load(run)
    case = Case(loaded, data, quick=quick, seconds=seconds, shadows=shadows, seed=seed)
    found: dict[str, list[Any]] = {}
    for name, check in checks.items():
        began = time.perf_counter()
        try:
            found[name] = check.examine(case)
        except RunError as error:
            if chosen or not error.message.startswith("this needs"):
                raise
            found[name] = [_not_applicable(error)]
        print(f"{name}: {time.perf_counter() - began:.1f} s", file=sys.stderr)
    report = _report(str(loaded.path or "run"), found)
    if loaded.path is not None:
        publish(report, loaded.path, "_".join(["audit", *chosen]))
    lights = report.data["lights"]
    report.exit_code = int(fail_on != "" and (lights["bad"] > 0 or (fail_on == "warning" and lights["warning"] > 0)))
    return report


def _configs(options: tuple[str, ...], chosen: list[str]) -> dict[str, dict[str, Any]]:
    """Check -> its config with the options given, each as YAML reads it."""
    import yaml

    from .. import parts

    configs = {name: {"kind": name} for name in chosen or parts.kinds("audits")}
    for text in options:
        key, equals, value = text.partition("=")
        name, dot, option = key.partition(".")
        if not equals or not dot or name not in configs:
            hint = f"For example attack.epsilon=0.05. {did_you_mean(name, configs)}"
            raise UserError(f"'{text}' is no option of a check.", where="command line", hint=hint)
        configs[name][option] = yaml.safe_load(value)
    return configs


def _not_applicable(error: RunError) -> Finding:
    from ..audits._case import Finding

    needs = error.message.partition(";")[0].removeprefix("this ").rstrip(".")
    return Finding("none", "", "not applicable", needs, error.hint)


def _report(title: str, found: dict[str, list[Any]]) -> Report:
    """The table of lights, the gravest first, then a section for each check that has more to show."""
    from ..audits._case import Finding

    findings = [(name, one) for name, each in found.items() for one in each if isinstance(one, Finding)]
    findings.sort(key=lambda pair: list(LIGHTS).index(pair[1].light))
    counts = {tone: sum(one.light == tone for _, one in findings) for tone in LIGHTS}
    worst = next((tone for tone in LIGHTS if counts[tone]), "none")
    said = f"{counts['bad']} bad, {counts['warning']} to be warned of, {counts['good']} good."
    rows = [
        [
            LIGHTS[one.light],
            ": ".join(filter(None, [name.replace("_", " "), one.what])),
            one.found,
            one.meaning,
            one.advice,
        ]
        for name, one in findings
    ]
    blocks: list[Block] = [
        Text("", said, TONES[worst]),
        Table("", ["light", "check", "found", "what it means", "what to do"], rows),
    ]
    for name, each in found.items():
        shown = [one for one in each if not isinstance(one, Finding)]
        blocks += [Section(f"Audit: {name.replace('_', ' ')}"), *shown] if shown else []
    checks = {name: [vars(one) for one in each if isinstance(one, Finding)] for name, each in found.items()}
    return Report(f"Audit of {title}", blocks, data={"lights": counts, "checks": checks})
