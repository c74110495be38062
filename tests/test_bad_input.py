"""No input ends in a traceback: every case of `bad_input` gets exactly its message and exit code."""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from .bad_input import CASES
from .bad_input._case import GOOD, QUICK, Case, run

PROGRESS = re.compile(r"^(epoch +\d+ |[\d,]+ predictions written).*\n", re.M)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with good data and a finished run."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MODELWRIGHT_CACHE", str(folder / "cache"))
        (folder / "data.csv").write_text(GOOD)
        assert run(f"train data.csv --target y {QUICK} --out run") == 0
    return folder


@pytest.fixture
def workplace(tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder of a case."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(trained / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("MODELWRIGHT_DATA", raising=False)
    monkeypatch.delenv("MODELWRIGHT_TRACEBACK", raising=False)
    return tmp_path


def lay_out(case: Case, folder: Path, trained: Path) -> None:
    """The files of a case."""
    (folder / "data.csv").write_text(GOOD)
    if case.prepare or re.search(r"\brun\b|list \.", case.command):
        shutil.copytree(trained / "run", folder / "run")
    for name, content in {**({"recipe.yaml": case.recipe} if case.recipe else {}), **case.files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    if case.prepare:
        case.prepare(folder)


def without(text: str, *folders: Path) -> str:
    """The text with the names of temporary folders left out."""
    for folder in folders:
        text = text.replace(f"{folder}/", "").replace(str(folder), ".")
    return text


def unwrapped(text: str) -> str:
    """The text in one line: how wide a terminal is does not matter."""
    return " ".join(text.split())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input(case: Case, workplace: Path, trained: Path, capsys, monkeypatch) -> None:
    lay_out(case, workplace, trained)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(case.stdin)))
    code = run(case.command)
    out, err = (without(text, workplace, trained) for text in capsys.readouterr())
    err = PROGRESS.sub("", err)
    assert code == case.code, err
    if case.code:
        assert err.rstrip("\n") == case.message
    else:
        assert unwrapped(case.message) in unwrapped(out + err)


def test_the_names_are_distinct() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def test_no_verb_shows_the_verbs(capsys) -> None:
    assert run("") == 2
    assert "Commands:" in capsys.readouterr().err


def test_mistakes_are_json_too(workplace: Path, capsys) -> None:
    assert run("check nothing.csv --target y --json") == 2
    assert json.loads(capsys.readouterr().out)["error"]["message"].startswith("1 mistake")
