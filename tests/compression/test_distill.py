"""Distillation: a student of any recipe learns what its teacher says."""

from __future__ import annotations

import copy
import csv
import json
from pathlib import Path

import pytest
import torch

import modelwright as mw
from modelwright import parts, tasks
from modelwright.compression import _teaching
from modelwright.compression._work import Work
from modelwright.errors import RunError, UserError
from modelwright.recipe import load
from modelwright.run import Run

from ..test_verb_family_matrix import FAMILIES, FIELD_OF, QUICK, write_data


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_data(folder)
    return folder


def teacher_of(family: str, folder: Path) -> Run:
    """A run of a family, trained only where it must have a folder."""
    recipe = load({"data": str(folder / "rows.jsonl"), "train": QUICK, **json.loads(json.dumps(FAMILIES[family]))})
    if recipe.model.kind == "language":
        path = folder / "teacher"
        return Run.load(path) if path.exists() else mw.train(recipe.plain(), out=str(path), baselines=False)
    prepared = tasks.find(recipe.model.kind).prepare(recipe)
    return Run(recipe, prepared.columns, model=prepared.build().eval())


@pytest.fixture(autouse=True)
def cache(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(folder / "cache"))
    torch.set_num_threads(1)


@pytest.mark.parametrize(
    "family", [name for name in FAMILIES if "policy" not in name], ids=str
)  # those play in the matrix
def test_every_family_learns_from_its_like(family, folder, tmp_path, monkeypatch):
    if family in FIELD_OF:  # of a field with data of its own
        FIELD_OF[family].write(folder := tmp_path)
        monkeypatch.chdir(folder)
    run = teacher_of(family, folder)
    before = copy.deepcopy(run.model.state_dict())
    given = json.loads(json.dumps(FAMILIES[family]))
    student = {"data": str(folder / "rows.jsonl"), "train": {**QUICK, "lr": 1e-3}, **given}
    work = Work(run)
    parts.build("compression", {"kind": "distill", "student": student, "features": 0.1}).apply(work)
    assert all(torch.equal(run.model.state_dict()[name], value) for name, value in before.items())
    work.prepared.build().load_state_dict(work.model.state_dict(), strict=True)  # nothing of the teacher is in it
    assert "features" in work.history[-1]["terms"]

    language = family.startswith("language")
    lessons = _teaching.Lessons(
        work.model, _teaching.of_tokens if language else _teaching.of_targets,
        temperature=2.0, alpha=0.5, features=0.0, written=() if language else
        _teaching.to_be_written(work.model, work.recipe.model.heads, False),
    )  # fmt: skip
    lessons.student = copy.deepcopy(work.model)
    for name, (total, count) in lessons(work.prepared.first_batch()).items():
        assert (
            not name.endswith(" taught") or float(total.detach() / count) < 1e-5
        )  # who knows all has nothing to learn


@pytest.mark.parametrize(
    ("family", "model"),
    [
        ("rnn", {"encoders": {"note": {"kind": "bag", "buckets": 50}}}),
        ("cnn on pictures", {"encoders": {"picture": {"kind": "mlp", "hidden": [8]}}}),
        ("transformer on text", {"encoders": {"note": {"kind": "rnn", "cell": "gru", "hidden": 4}}}),
        ("tags with a random field", {"encoders": {"note": {"kind": "rnn", "hidden": 4}}}),
        ("lstm that writes", {"heads": {"city": {"cell": "transformer", "hidden": 4, "heads": 2}}}),
    ],
    ids=str,
)
def test_a_student_may_be_of_another_family(family, model, folder):
    work = Work(teacher_of(family, folder))
    student = {"data": str(folder / "rows.jsonl"), "train": {**QUICK, "lr": 1e-3}, "model": model}
    parts.build("compression", {"kind": "distill", "student": student}).apply(work)
    assert work.recipe.model.encoders != work.run.recipe.model.encoders
    assert work.model.predict(work.calibration(8)[0]).keys() == set(work.recipe.target_names())


@pytest.mark.parametrize("family", ["transformer that writes", "tags", "ctc", "language model that writes"], ids=str)
def test_a_student_learns_the_sequences_that_its_teacher_writes(family, folder):
    run = teacher_of(family, folder)
    student = {
        "data": str(folder / "rows.jsonl"),
        "train": {**QUICK, "lr": 1e-3},
        **json.loads(json.dumps(FAMILIES[family])),
    }
    work = Work(run)
    parts.build("compression", {"kind": "distill", "student": student, "sequences": True}).apply(work)
    assert not any(name.endswith("taught") for name in work.history[-1].get("terms", {}))
    if family.startswith("language"):
        tokens = work.prepared.tokens["train"]
        assert not tokens.learned[:4].any() and tokens.learned[4 : tokens.starts[1]].all()
        return
    (name,), encoded = run.targets, work.prepared.encoded
    row = int(work.prepared.index(0)[3])
    said = run.model.predict(encoded.batch([row]))[name]["ids"][0]
    learned = encoded.batch([row])[f"target.{name}"][0]
    assert learned[learned >= 0].tolist()[: len(said)] == said[said >= 0].tolist()


def test_temperature_softens_and_keeps_the_size_of_gradients():
    own, guide = torch.randn(5, 3, requires_grad=True), torch.randn(5, 3)
    for temperature in (1.0, 7.0):
        total, count = _teaching._divergence(own, guide, temperature)
        soft = [(logits / temperature).softmax(1) for logits in (guide, own)]
        expected = temperature**2 * (soft[0] * (soft[0] / soft[1]).log()).sum()
        assert count == 5 and torch.allclose(total, expected, atol=1e-5)
        (gradient,) = torch.autograd.grad(total, own)
        assert torch.allclose(gradient, temperature * (soft[1] - soft[0]), atol=1e-5)


def test_what_is_not_labelled_is_learned_from_the_teacher(folder, monkeypatch):
    from sklearn.datasets import load_digits

    monkeypatch.chdir(folder)
    pixels, labels = load_digits(return_X_y=True)
    for name, rows, known in (
        ("all", slice(0, 1200), 1200),
        ("few", slice(0, 1200), 60),
        ("test", slice(1200, None), 600),
    ):
        with open(f"{name}.csv", "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*(f"p{place}" for place in range(64)), "digit"])
            for place, (row, label) in enumerate(zip(pixels[rows].astype(int), labels[rows])):
                writer.writerow([*row, label if place < known else ""])
    common = {"target": "digit", "columns": {"digit": {"kind": "category"}}}
    quick = {"epochs": 12, "batch": 64, "lr": 2e-3, "speed": "fixed", "early_stop": 0, "threads": 1}
    run = mw.train({
        "data": {"train": "all.csv", "test": "test.csv"}, **common, "train": quick, "baselines": False,
        "model": {"encoders": {"table": {"kind": "mlp", "hidden": [128]}}},
    }, out=str(folder / "digits"))  # fmt: skip
    small = {
        "data": {"train": "few.csv", "test": "test.csv"}, "target": "digit", "train": quick,
        "model": {"encoders": {"table": {"kind": "mlp", "hidden": [24]}}},
    }  # fmt: skip
    work = Work(run)
    parts.build("compression", {"kind": "distill", "student": small}).apply(work)
    alone = Work(run)
    parts.build("compression", {"kind": "distill", "student": small, "alpha": 0.0}).apply(alone)
    teacher, taught, untaught = (
        tasks.find("assembled").scores(model, work.prepared)["test"]["digit"]["accuracy"]
        for model in (run.model, work.model, alone.model)
    )
    assert taught - untaught > 0.5 * (teacher - untaught) > 0.02


def test_what_cannot_be_taught_is_said(folder, tmp_path):
    run = teacher_of("mlp on a table", folder)
    for given, words in (
        ({"privacy": {"epsilon": 3}}, "a student learns without noise"),
        ({"target": "left"}, "the student learns left, its teacher knows kind"),
        ({"model": {"kind": "language"}}, "a student of kind language cannot learn from a teacher of kind assembled"),
        ({"model": {"encoders": {"city": {"kind": "rnn"}}}}, "other columns than its teacher's"),
    ):
        with pytest.raises(UserError, match=words):
            student = {"data": str(folder / "rows.jsonl"), **given}
            parts.build("compression", {"kind": "distill", "student": student}).apply(Work(run))
    run.path = tmp_path
    (tmp_path / "privacy.json").write_text("{}")
    with pytest.raises(RunError, match="differential privacy"):
        parts.build("compression", {"kind": "distill", "student": str(folder / "none.yaml")}).apply(Work(run))


def test_the_verb_makes_a_run_of_the_students_recipe(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quick = {"epochs": 3, "batch": 64, "speed": "fixed", "threads": 1}
    mw.train({"data": "digits", "train": quick, "baselines": False}, out="teacher")
    student = {
        "data": "digits",
        "model": {"encoders": {"image": {"kind": "mlp", "hidden": [32]}}},
        "train": {**quick, "seed": 7},
    }
    Path("student.yaml").write_text(json.dumps(student))
    steps = ["distill", "student=student.yaml", "epochs=12", "structured", "epochs=4", "int8"]
    small = mw.compress("teacher", *steps, out="small", timing=False)
    assert (
        small.recipe.model.encoders["image"]["hidden"] == [32] and small.recipe.train.seed == 0
    )  # its teacher's split
    assert small.transforms[0] == {"kind": "narrow", "layers": {"encoders.of_image.layers.0": 16}}
    again, measured = mw.evaluate("small").data["test"]["label"], small.metrics["test"]["label"]
    assert again["loss"] == pytest.approx(measured["loss"])
    assert measured["accuracy"] > 0.7
    assert len(Path("small/history.jsonl").read_text().splitlines()) == 16
    assert "hidden" in Path("small/recipe.yaml").read_text()


def test_a_language_student_has_its_teachers_tokenizer(folder, tmp_path):
    teacher, given = teacher_of("language model that writes", folder), FAMILIES["language model that writes"]
    student = {"data": str(folder / "rows.jsonl"), "train": QUICK, "model": {**given["model"], "width": 4, "heads": 1}}
    step = {"kind": "distill", "student": student}
    small = mw.compress(str(teacher.path), step, "int8", out=str(tmp_path / "small"), timing=False)
    assert small.model.shape.width == 4 and small.tokenizer.to_str() == teacher.tokenizer.to_str()
    assert mw.evaluate(str(small.path)).data["test"]["text"]["loss"] == pytest.approx(
        small.metrics["test"]["text"]["loss"]
    )
