"""The verb `compress`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from ..errors import ModelwrightError, RunError, UserError
from ..provenance import append, recorded


@recorded
def compress(
    run: str | Any,
    *steps: str | dict[str, Any],
    out: str | None = None,
    budget: str = "",
    timing: bool = True,
) -> Any:
    """Make a run smaller or faster, and measure what it costs.

    The new run works with every verb.

    Args:
        run: a run folder
        steps: steps in order, each with its options behind it: prune sparsity=0.9 epochs=2 int8 (see: modelwright list compression)
        out: the run folder to make (default: runs/<name>-compressed-<n>)
        budget: what it may cost and must reach, "accuracy -1pt, size /8": searches the smallest model within it
        timing: also measure latency and memory, which takes seconds
    """
    from .. import parts
    from ..compression import _budget, _outcome
    from ..compression._work import Work
    from ..report import Block
    from ..run import Run
    from ..training import new_folder

    configs, limits = _configs(steps), _budget.read(budget)
    if not configs and not limits:
        hint = f'Name steps ({", ".join(parts.kinds("compression"))}) or --budget "accuracy -1pt, size /8".'
        raise UserError("how is the run to be made smaller?", where="command line", hint=hint)
    chain = [parts.build("compression", config) for config in configs]
    given = run if isinstance(run, Run) else Run.load(run)
    if given.path is None:
        raise RunError("the run has no folder.", where="run", hint="Train it into one: modelwright train.")
    work, trial, account = Work(given), None, list[Block]()
    folder = new_folder(f"{given.path.name}-compressed", Path(out) if out else None)
    try:
        for step in chain:
            step.apply(work)
        if limits:
            trial, work, account = _budget.Search(work, limits).run()
            configs += trial.steps
        made = _outcome.make(work, folder, configs, account, timing)
    except BaseException:
        with suppress(OSError):  # it is still empty, or has become the run
            folder.rmdir()
        raise
    if trial and not trial.fits:
        for path in (given.path, folder):
            append(path, "compress", arguments={"run": str(given.path), "budget": budget})
        hint = f"The closest is in {folder}: {trial.account}. Ask for less, or begin with a smaller model."
        raise ModelwrightError(f'no model was found within "{budget}".', where=str(given.path), hint=hint)
    return made


def _configs(words: Sequence[str | dict[str, Any]]) -> list[dict[str, Any]]:
    """A bare word is a step, key=value behind it are its options."""
    found: list[dict[str, Any]] = []
    for word in words:
        if not isinstance(word, str):
            found.append(dict(word))
            continue
        key, equals, value = word.partition("=")
        if not equals:
            found.append({"kind": word})
        elif found and key != "kind":
            found[-1][key] = value if re.fullmatch(r"\d+:\d+", value) else yaml.safe_load(value)  # 2:4 is no time
        else:
            raise UserError(
                f"'{word}' belongs to no step.", where="command line", hint="Options stand behind their step."
            )
    return found
