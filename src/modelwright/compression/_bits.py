"""What the steps that round weights have in common."""

from __future__ import annotations

from ..errors import UserError
from ._work import Work

ROUNDED = ("int8", "int4")


def require_plain(work: Work, step: str) -> None:
    """Raise UserError where the weights have been rounded already."""
    if found := [config["kind"] for config in work.transforms if config["kind"] in ROUNDED]:
        hint = "Begin with the run that it was made from."
        raise UserError(f"the weights are {found[0]} already.", where=step, hint=hint)
