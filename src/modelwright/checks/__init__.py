"""Contract checks that run on every part, ours or a third party's: `check_encoder(MyEncoder)` raises AssertionError.

The error lists every check that failed and why. Each function returns the names of the checks that passed. Parts are
built with their default options unless options are given. Knows the contracts, no particular part.
"""

from __future__ import annotations

from collections.abc import Callable

from .. import parts
from .columns import check_column
from .networks import check_encoder, check_fuse, check_head
from .running import option_checks, run_checks

__all__ = ["check_column", "check_encoder", "check_fuse", "check_head", "check_options", "check_room"]

_CHECKS: dict[str, Callable[..., list[str]]] = {
    "columns": check_column,
    "encoders": check_encoder,
    "fuse": check_fuse,
    "heads": check_head,
}


def check_options(part: type) -> list[str]:
    """What holds for a part of any room: its options are documented and its sizes are valid options."""
    return run_checks(part, option_checks(part))


def check_room(room: str) -> dict[str, list[str]]:
    """The room's checks on every part found in it, ours, registered and installed: kind -> checks that passed."""
    check: Callable[..., list[str]] = _CHECKS.get(room, check_options)
    return {kind: check(parts.find(room, kind)) for kind in parts.kinds(room)}
