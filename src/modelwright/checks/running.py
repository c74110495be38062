"""Running checks and reporting all that failed at once; what every part must hold to."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch

from .. import parts

Check = tuple[str, Callable[[], None]]


def run_checks(part: type, checks: Iterable[Check]) -> list[str]:
    passed, failed = [], []
    for name, run in checks:
        try:
            run()
        except Exception as error:  # a check reports whatever goes wrong in a stranger's part
            failed.append(f"  {name}: {type(error).__name__}: {error}")
        else:
            passed.append(name)
    if failed:
        raise AssertionError(f"{part.__module__}.{part.__name__} breaks its contract:\n" + "\n".join(failed))
    return passed


def require(truth: Any, message: str) -> None:
    if not truth:
        raise AssertionError(message)


def close(found: Any, wanted: Any, what: str, tolerance: float = 1e-4) -> None:
    found, wanted = torch.as_tensor(found), torch.as_tensor(wanted)
    require(found.shape == wanted.shape, f"{what}: shape {tuple(found.shape)}, expected {tuple(wanted.shape)}")
    difference = (found.double() - wanted.double()).abs().max().item() if found.numel() else 0.0
    scale = 1 + (wanted.double().abs().max().item() if wanted.numel() else 0.0)
    require(difference <= tolerance * scale, f"{what}: differs by {difference:.2g}")


def option_checks(part: type) -> list[Check]:
    def documented() -> None:
        known, described = set(parts.options(part)), set(parts.option_help(part))
        require(known == described, f"options {sorted(known)}, but `Options:` describes {sorted(described)}")
        require(inspect.getdoc(part), "there is no docstring")

    def sizes() -> None:
        for size, given in getattr(part, "sizes", {}).items():
            _, problems = parts.validate(part, given)
            require(not problems, f"{size}: {problems}")

    checks: list[Check] = [("options are documented", documented)]
    if not callable(getattr(part, "sizes", None)):  # a column's `sizes` is a method
        checks.append(("sizes are valid options", sizes))
    return checks
