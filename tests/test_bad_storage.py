"""Disks that are full, folders that may not be written, files that may not be read: a message, and a run to go on with."""

from __future__ import annotations

import builtins
import errno
import json
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .bad_input._case import GOOD, run

TRAIN = (
    "train data.csv --target y --no-baselines --no-report train.epochs=4 train.early_stop=0 train.checkpoint_seconds=0 "
    "train.batch=8 model.encoders.table.kind=mlp model.encoders.table.hidden=[16]"
)
STEPS = 16


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with good data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data.csv").write_text(GOOD)
    return tmp_path


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow beyond `size` bytes, as on a disk that is nearly full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def status(folder: str) -> dict[str, str]:
    return json.loads((Path(folder) / "status").read_text())


def weights(folder: str) -> bytes:
    return (Path(folder) / "model.safetensors").read_bytes()


def test_a_full_disk_leaves_a_run_that_goes_on(capsys) -> None:
    assert run(f"{TRAIN} --out whole") == 0
    capsys.readouterr()
    with largest_file(4000):  # resolved.yaml fits, a checkpoint does not
        assert run(f"{TRAIN} --out cut") == 1
    error = capsys.readouterr().err
    assert "error: cut/checkpoints/last.safetensors: cannot be written (File too large). Free some space." in error
    assert "Traceback" not in error and "mistake in modelwright" not in error
    assert status("cut")["state"] == "failed"
    assert run("list .") == 0
    assert "failed" in capsys.readouterr().out
    assert run("train --resume cut") == 0
    assert weights("cut") == weights("whole")


def test_a_disk_that_fills_up_later_keeps_what_was_saved(capsys, monkeypatch) -> None:
    assert run(f"{TRAIN} --out whole") == 0
    real, calls = os.fsync, []

    def fsync(file: int) -> None:
        calls.append(file)
        if len(calls) > 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(file)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        assert run(f"{TRAIN} --out cut") == 1
    assert "cannot be written (No space left on device). Free some space." in capsys.readouterr().err
    assert (Path("cut") / "checkpoints" / "last.safetensors").exists()
    assert run("train --resume cut") == 0
    assert weights("cut") == weights("whole")


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux")
def test_an_unwritable_place(capsys) -> None:
    assert run(f"{TRAIN} --out /proc/run") == 1
    assert capsys.readouterr().err == (
        "error: /proc/run: the run folder cannot be made (No such file or directory). Choose another --out.\n"
    )


def test_an_unwritable_folder(workplace, capsys, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)  # root may write everywhere: refused as the system would
        assert run(f"{TRAIN} --out cut") == 1
        assert run("init data.csv --target y") == 1
    error = capsys.readouterr().err
    said = "cannot be written (Permission denied). Check the folder and its permissions, or choose another."
    assert error.count(said) >= 2 and "recipe.yaml: " in error


def test_a_file_that_may_not_be_read(capsys, monkeypatch) -> None:
    real = builtins.open

    def refuse(path, *others, **named):
        if str(path).endswith("data.csv"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, *others, **named)

    monkeypatch.setattr(builtins, "open", refuse)
    monkeypatch.setitem(sys.modules["modelwright.data._files"].__dict__, "open", refuse)
    assert run("train data.csv --target y --out r") == 2
    assert capsys.readouterr().err == "error: data.csv: the file may not be read. Check its permissions.\n"


@pytest.mark.parametrize("both", [False, True])
def test_damaged_checkpoints(both: bool, capsys, monkeypatch) -> None:
    assert run(f"{TRAIN} --out whole") == 0
    import modelwright as mw

    def stop(event: object) -> None:
        if event.step == STEPS - 3:  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        arguments = TRAIN.split()
        mw.train("data.csv", *arguments[6:], target="y", out="cut", baselines=False, report=False, on_step=stop)
    for name in ("last", "previous")[: 1 + both]:
        file = Path("cut/checkpoints") / f"{name}.safetensors"
        file.write_bytes(file.read_bytes()[:200])
    capsys.readouterr()
    assert run("train --resume cut") == (2 if both else 0)
    error = capsys.readouterr().err
    if both:
        assert error.startswith(
            "error: cut/checkpoints: no checkpoint can be read. cut/checkpoints/last.safetensors is"
        )
        assert error.endswith("was passed over. Delete the folder to train from the beginning.\n")
        return
    assert "cut/checkpoints/last.safetensors is damaged" in error and "passed over" in error
    assert weights("cut") == weights("whole")
