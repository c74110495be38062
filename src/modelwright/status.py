"""What a run folder says of itself: its status, who trains it right now, and files that may be damaged."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .errors import RunError
from .files import write_text

AGAIN = "Train the recipe again."


@dataclass(frozen=True)
class Status:
    """What a run folder says of itself: running, finished, interrupted, failed, or killed (running, but nobody is)."""

    state: str
    message: str = ""
    pid: int = 0
    host: str = ""


def read_status(path: Path) -> Status:
    """The status of a run folder. Raises RunError when the folder is not a run."""
    try:
        found = json.loads((path / "status").read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError(f"expected an object, found {type(found).__name__}")
        status = Status(**found)
    except (FileNotFoundError, NotADirectoryError):
        encrypted = path if path.suffix == ".mwe" else path.with_name(f"{path.name}.mwe")
        if not path.is_dir() and encrypted.is_file():
            hint = f"Open it with: modelwright decrypt {encrypted}"
            raise RunError("the run is encrypted.", where=str(path), hint=hint) from None
        reason = "is not a run folder (it has no status file)." if path.is_dir() else "there is no such run folder."
        raise RunError(reason, where=str(path), hint="See: modelwright list") from None
    except (ValueError, TypeError, OSError) as error:
        hint = f"Delete the file status and continue with: modelwright train --resume {path}"
        raise RunError(f"the status file cannot be read ({error}).", where=str(path), hint=hint) from None
    if status.state == "running" and not _is_trained(path, status):
        return Status("killed", f"continue with: modelwright train --resume {path}", status.pid, status.host)
    return status


def write_status(path: Path, state: str, message: str = "") -> None:
    """Record what is happening to a run folder."""
    status = Status(state, message, os.getpid(), socket.gethostname())
    write_text(path / "status", json.dumps(vars(status), ensure_ascii=False) + "\n")


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Keep a run folder to this process. Raises RunError when another one trains it; a killed one lets go by itself."""
    folder = os.open(path, os.O_RDONLY)
    try:
        for _ in range(10):  # somebody who only looks holds it for an instant
            held = _lock(folder, exclusive=True)
            if held is not False:
                break
            time.sleep(0.05)
        else:
            raise RunError("is being trained right now by another process.", where=str(path))
        yield
    finally:
        os.close(folder)


def _lock(folder: int, exclusive: bool) -> bool | None:
    """Whether the lock on an open folder was got; None where there are no locks."""
    try:
        import fcntl

        fcntl.flock(folder, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return None
    return True


def _is_trained(path: Path, status: Status) -> bool:
    """Whether a process really trains the folder that says so. Where there are no locks, whether that process lives."""
    folder = os.open(path, os.O_RDONLY)
    try:
        free = _lock(folder, exclusive=False)
    finally:
        os.close(folder)
    return not free if free is not None else status.host != socket.gethostname() or _is_alive(status.pid)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def read_json(file: Path) -> dict[str, Any]:
    """The JSON object in a file of a run. Raises RunError when it is missing or damaged."""
    with intact(file):
        found = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError(f"expected an object, found {type(found).__name__}")
        return found


@contextmanager
def intact(file: Path) -> Iterator[None]:
    """Turn what reading a file of a run may raise into a RunError that names the file."""
    try:
        yield
    except RunError:
        raise
    except FileNotFoundError:
        raise RunError("the file is missing.", where=str(file), hint=AGAIN) from None
    except (ValueError, KeyError, TypeError, AttributeError, OSError, yaml.YAMLError) as error:
        reason = f"{getattr(error, 'problem', None) or error}".replace("\n ", "").replace("\n", " ")
        reason = f"the key {reason} is missing" if isinstance(error, KeyError) else reason
        raise RunError(f"the file is damaged: {reason.rstrip('.')}.", where=str(file), hint=AGAIN) from None
