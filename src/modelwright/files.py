"""Writes files whole or not at all, and finds folders. Knows nothing of what is in them."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .errors import StorageError, UserError


def located(path: str, base: Path) -> Path:
    """A path relative to `base`, or `package:name/folder`, which lies in an installed Python package. Raises UserError
    for a package that is not installed."""
    if not path.startswith("package:"):
        return base / Path(path).expanduser()
    name, _, inside = path.removeprefix("package:").partition("/")
    spec = find_spec(name) if name.isidentifier() else None
    if spec is None or not spec.submodule_search_locations:
        hint = f"Install it with: pip install {name.replace('_', '-')}"
        raise UserError(f"the package '{name}' is not installed.", where=path, hint=hint)
    return Path(spec.submodule_search_locations[0]) / inside


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` and move it into place once it is written and on the disk.

    Raises StorageError naming the file when the disk is full or the folder is not writable.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        hint = "Free some space." if full else "Check the folder and its permissions, or choose another."
        raise StorageError(f"cannot be written ({error.strerror or error}).", where=str(path), hint=hint) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically; NaN and infinity become null."""
    write_text(path, json.dumps(finite(value), ensure_ascii=False, indent=1) + "\n")


def finite(value: Any) -> Any:
    """The same JSON value with NaN and infinity as None, tuples as lists."""
    if isinstance(value, dict):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    if hasattr(value, "item") and not hasattr(value, "__len__"):
        value = value.item()
    return None if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))) else value
