"""The command line: verbs from files, help that reads well, JSON alone on stdout, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import modelwright
from modelwright import cli
from modelwright.errors import TrainingError

QUICK = ["train.epochs=2", "train.speed=fixed", "train.threads=1", "--no-baselines", "--no-report"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(modelwright.__file__).parents[1]), "OMP_NUM_THREADS": "1"}


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MODELWRIGHT_TRACEBACK", raising=False)
    torch.set_num_threads(1)
    return tmp_path


@pytest.fixture
def run(capsys):
    """Run a command: its exit code, stdout and stderr."""

    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as exit:
            cli.main(list(arguments))
        return (int(exit.value.code or 0), *capsys.readouterr())

    return call


def shell(*arguments: str, given: str = "") -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "modelwright.cli", *arguments]
    return subprocess.run(command, env=ENVIRONMENT, input=given, capture_output=True, text=True)


@pytest.mark.slow
def test_a_day_with_the_command_line(workplace):
    """As a stranger types it, each command a process of its own."""
    (workplace / "data.csv").write_text("x,y\n" + "".join(f"{n % 10}.5,{'ab'[n % 10 > 4]}\n" for n in range(60)))
    for command in (
        ["init", "data.csv", "--target", "y"],
        ["check", "recipe.yaml"],
        ["train", "recipe.yaml", "--out", "run", *QUICK],
        ["evaluate", "run"],
        ["show", "run"],
        ["list", "."],
    ):
        done = shell(*command)
        assert done.returncode == 0, done.stderr
        assert done.stdout
        assert "Traceback" not in done.stderr
    piped = shell("predict", "run", "-", "--probabilities", given="x\n1.5\n8.5\n")
    assert piped.stdout.splitlines()[0] == "y,y_a,y_b"
    assert len(piped.stdout.splitlines()) == 3


def test_every_verb_gives_one_json_object(run, workplace):
    code, out, _ = run("train", "iris", "--out", "run", "--json", *QUICK)
    assert code == 0
    trained = json.loads(out)
    assert trained["run"] == "run" and 0 <= trained["test"]["species"]["accuracy"] <= 1
    for command in (
        ["init", "iris", "--out", "iris.yaml"],
        ["check", "iris.yaml"],
        ["evaluate", "run"],
        ["evaluate", "run", "iris"],
        ["compare", "run", "run"],
        ["predict", "run", "iris"],
        ["predict", "run", "iris", "--out", "p.csv"],
        ["show", "run"],
        ["list", "."],
        ["list"],
        ["list", "encoders"],
        ["list", "data"],
        ["train", "--resume", "run"],
    ):
        code, out, err = run(*command, "--json")
        assert code == 0, err
        assert isinstance(json.loads(out), dict), command
        assert out.count("\n") == 1
    assert json.loads(run("evaluate", "run", "--json")[1])["test"] == trained["test"]


def test_mistakes_are_json_too_and_exit_with_2(run):
    code, out, err = run("train", "iri", "--json")
    assert code == 2
    assert "Did you mean 'iris'?" in err
    assert json.loads(out)["error"] == {
        "message": "there is no such file, folder or named data set.",
        "where": "data: iri",
        "hint": "Did you mean 'iris'?",
    }
    code, out, err = run("train", "--bogus", "--json")
    assert (code, json.loads(out)["error"]["where"]) == (2, "command line")
    assert "No such option" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tran", "digits"], "'tran' is not a verb. Did you mean 'train'?"),
        (["train"], "what is to be trained?"),
        (["show"], "Missing argument 'RUN'"),
        (["show", "nowhere"], "there is no such run folder. See: modelwright list"),
        (["predict", "a"], "Missing argument 'ROWS'"),
        (["compare"], "what is to be compared?"),
    ],
)
def test_wrong_command_lines(run, arguments, said):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err


def test_what_is_not_foreseen_is_one_line(run, monkeypatch):
    from modelwright import training

    def broken(*_args):
        raise RuntimeError("the floor\ngave way")

    monkeypatch.setattr(training, "train", broken)
    code, out, err = run("train", "iris")
    assert (code, out) == (1, "")
    assert err.startswith("error: RuntimeError: the floor")
    assert "MODELWRIGHT_TRACEBACK=1" in err
    monkeypatch.setattr(training, "train", lambda *_: (_ for _ in ()).throw(TrainingError("no.")))
    assert run("train", "iris")[0] == 1
    monkeypatch.setattr(training, "train", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt("saved")))
    code, _, err = run("train", "iris")
    assert (code, err.strip()) == (130, "interrupted. saved")


def test_version_and_help(run):
    assert run("--version")[:2] == (0, f"modelwright {modelwright.__version__}\n")
    code, out, _ = run("--help")
    assert code == 0
    for name in cli.verb_names():
        assert f"  {name} " in out
        code, text, _ = run(name, "--help")
        assert code == 0
        assert "--json" in text
        assert all(line == line.rstrip() for line in text.splitlines())
    assert "..." not in out.replace("[ARGS]...", ""), "the line of a verb is too long"
    text = run("train", "--help")[1]
    assert "RECIPE  a recipe (.yaml), or a data file" in text
    assert "--from" in text and "--from-" not in text
    assert run()[0] == 2


def test_every_option_and_argument_has_help():
    for name in cli.verb_names():
        command = cli._command(name, cli.verb(name))
        for parameter in command.params:
            if parameter.param_type_name == "option":
                assert parameter.help, f"{name} {parameter.name}"
            else:
                assert f"{parameter.name.upper()}  " in command.help, f"{name} {parameter.name}"


@pytest.mark.parametrize("code", ["import modelwright", "from modelwright.cli import main; main(['--help'])"])
def test_starting_takes_little_time(code):
    def seconds() -> float:
        before = os.times()
        subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    assert min(seconds() for _ in range(5)) <= 0.3


def test_output_cut_short_is_no_error(workplace):
    command = f"{sys.executable} -m modelwright.cli list encoders | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], env=ENVIRONMENT, capture_output=True, text=True)
    assert "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr
