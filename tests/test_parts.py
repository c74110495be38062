"""Parts from outside and new ones inside: one file, one class or one installed entry point is all it takes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
import yaml
from torch import nn

import modelwright as mw
from modelwright import parts
from modelwright.blocks.inputs import Flat
from modelwright.errors import UserError

PACKAGE = Path(mw.__file__).parent
TRAIN = {"epochs": 2, "speed": "fixed", "threads": 1}

ENCODER = '''
"""A toy encoder: one dense layer over the boolean and number columns."""

from __future__ import annotations

import torch
from torch import nn

from modelwright import Source, Stream


class Toy(nn.Module):
    """One dense layer.

    Options:
        width: numbers that come out.
    """

    reads = ("table",)

    def __init__(self, source: Source, *, pool: str = "none", width: int = 5) -> None:
        super().__init__()
        self.keys = [key for key in ("number", "boolean") if key in source.sizes]
        self.width, self.length = width, 1
        self.layer = nn.Linear(sum(source.sizes[key] for key in self.keys), width)

    def forward(self, batch) -> Stream:
        return Stream(self.layer(torch.cat([batch[key] for key in self.keys], 1))[:, None])
'''


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    torch.set_num_threads(1)


class MyEncoder(nn.Module):
    """A dense layer over everything in the table.

    Options:
        width: numbers that come out.
        pool: how positions become one vector.
    """

    reads = ("table",)

    def __init__(self, source: mw.Source, *, width: int = 6, pool: str = "none") -> None:
        super().__init__()
        self.inputs = Flat(source)
        self.width, self.length = width, 1
        self.layer = nn.Linear(self.inputs.width, width)

    def forward(self, batch) -> mw.Stream:
        return mw.Stream(torch.tanh(self.layer(self.inputs(batch)))[:, None])


def test_an_encoder_as_a_class(tmp_path, monkeypatch):
    config = {"kind": MyEncoder, "width": 4}
    recipe = {"data": "iris", "model": {"encoders": {"table": config}}, "train": TRAIN, "baselines": False}
    run = mw.train(recipe, out=str(tmp_path / "run"), report=False)
    assert isinstance(run.model.encoders["of_table"], MyEncoder)
    assert "myencoder" in (tmp_path / "run" / "resolved.yaml").read_text()
    rows = {name: [1.0, 5.0] for name in run.columns if name != "species"}
    monkeypatch.setattr(parts, "_registered", {})  # as in another process
    with pytest.raises(UserError, match=r"myencoder.*parts_from"):
        mw.Run.load(tmp_path / "run").predict(rows)
    again = mw.Run.load(tmp_path / "run", parts_from=[MyEncoder])
    assert again.predict(rows, probabilities=True).equals(run.predict(rows, probabilities=True))


def test_a_class_that_takes_a_known_name_is_refused():
    taken = type("Mlp", (nn.Module,), {})
    with pytest.raises(UserError, match=r"'mlp' is already a kind in encoders"):
        mw.train({"data": "iris", "model": {"encoders": {"table": taken}}})


def shell(path: str, *arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "modelwright.cli", *arguments],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        cwd=cwd,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


TRAIN_TOY = ["train", "iris", "model.encoders.table={kind: toy, width: 3}", "train.epochs=2", "train.speed=fixed",
             "--no-baselines", "--out", "run"]  # fmt: skip


@pytest.mark.slow
def test_an_encoder_from_an_installed_package(tmp_path):
    """Entry points are how an installed package offers parts."""
    (tmp_path / "site" / "toys-1.0.dist-info").mkdir(parents=True)
    info = tmp_path / "site" / "toys-1.0.dist-info"
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toys\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[modelwright.encoders]\ntoy = toys:Toy\n")
    (tmp_path / "site" / "toys.py").write_text(ENCODER)
    path = f"{PACKAGE.parent}{os.pathsep}{tmp_path / 'site'}"
    assert "toy" in shell(path, "list", "encoders", cwd=tmp_path)
    shell(path, *TRAIN_TOY, cwd=tmp_path)
    assert "species" in shell(path, "evaluate", "run", "--json", cwd=tmp_path)


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> str:
    """The package of `tests/outside`, installed by pip into a folder of its own; what PYTHONPATH must be."""
    pytest.importorskip("setuptools")
    folder = tmp_path_factory.mktemp("outside")
    shutil.copytree(Path(__file__).parent / "outside", folder / "package")  # a build leaves files behind
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    pip += ["--target", str(folder / "site"), str(folder / "package")]
    done = subprocess.run(pip, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return f"{PACKAGE.parent}{os.pathsep}{folder / 'site'}"


def python(path: str, code: str, cwd: Path) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, "-c", code], env=environment, cwd=cwd, capture_output=True, text=True)


@pytest.mark.slow
def test_a_column_an_encoder_and_a_reader_from_an_installed_package(installed, tmp_path):
    """Rows, the kind of their column and what reads it come from outside; the recipe names nothing but the reader."""
    minutes = [(hour, minute) for hour in range(24) for minute in range(0, 60, 6)]
    lines = [f"{hour}:{minute:02} {'awake' if 7 <= hour < 22 else 'asleep'}\n" for hour, minute in minutes]
    (tmp_path / "days.txt").write_text("# my days\n" + "".join(lines))
    (tmp_path / "recipe.yaml").write_text(
        "data: {diary: days.txt}\ntrain: {epochs: 60, lr: 0.02, batch: 32, speed: fixed, threads: 1}\n"
    )
    for room, kind in (("columns", "clock"), ("encoders", "dial"), ("readers", "diary")):
        assert kind in shell(installed, "list", room, cwd=tmp_path)
    shell(installed, "train", "recipe.yaml", "--no-baselines", "--out", "run", cwd=tmp_path)
    resolved = yaml.safe_load((tmp_path / "run" / "resolved.yaml").read_text())
    assert resolved["columns"]["time"] == {"kind": "clock", "twelve": False}
    assert resolved["model"]["encoders"]["time"]["kind"] == "dial"
    (tmp_path / "new.csv").write_text("time\n03:33\n12:34\n")  # in another process, which loads the run
    shell(installed, "predict", "run", "new.csv", "--out", "told.csv", cwd=tmp_path)
    assert re.findall("asleep|awake", (tmp_path / "told.csv").read_text()) == ["asleep", "awake"]
    alone = python(
        str(PACKAGE.parent), "import modelwright as mw; mw.Run.load('run').predict({'time': ['3:33']})", tmp_path
    )
    assert "'clock' is not a kind of columns" in alone.stderr  # not installed there


@pytest.mark.slow
def test_parts_from_an_installed_package_pass_the_checks(installed, tmp_path):
    code = "import modelwright as mw, clocks.clock as c, clocks.dial as d; mw.check_column(c.Clock); mw.check_encoder(d.Dial)"
    done = python(installed, code, tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_an_encoder_is_one_new_file(tmp_path):
    """A copy of the package with one file more, and nothing else changed, lists, trains and loads the new kind."""
    shutil.copytree(PACKAGE, tmp_path / "src" / "modelwright", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "src" / "modelwright" / "encoders" / "toy.py").write_text(textwrap.dedent(ENCODER))
    path = str(tmp_path / "src")
    assert "numbers that come out" in shell(path, "list", "encoders", cwd=tmp_path)
    shell(path, *TRAIN_TOY, cwd=tmp_path)
    assert "species" in shell(path, "evaluate", "run", "--json", cwd=tmp_path)
