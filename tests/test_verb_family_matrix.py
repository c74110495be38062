"""Every verb on a tiny run of every family: success, or exactly the error that says what the model lacks.

The table of the README is written from these cases: MODELWRIGHT_WRITE=1 python -m pytest tests/test_verb_family_matrix.py
"""

from __future__ import annotations

import json
import os
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from modelwright import cli

from .families import FIELDS

ROWS = 60
QUICK = {"epochs": 1, "speed": "fixed", "threads": 1, "batch": 16}
WORDS = ["red", "blue", "fox", "dog", "sun", "moon"]


def write_data(folder: Path) -> None:
    """A table with numbers, categories, text, pictures and every kind of target."""
    draw = random.Random(0)
    (folder / "pictures").mkdir()
    rows = []
    for number in range(ROWS):
        picture = f"pictures/{number}.png"
        Image.fromarray(np.random.default_rng(number).integers(0, 256, (8, 8), np.uint8)).save(folder / picture)
        words = draw.choices(WORDS, k=draw.randint(2, 6))
        rows.append(
            {
                "age": draw.randint(18, 80) + 0.5,
                "city": draw.choice(["Paris", "Rome", "Oslo"]),
                "note": " ".join(words),
                "text": " ".join(words),
                "picture": picture,
                "left": draw.choice(["yes", "no"]),
                "spend": round(draw.uniform(1, 99), 2),
                "kind": draw.choice(["a", "b", "c"]),
                "labels": draw.sample(["x", "y", "z"], k=draw.randint(1, 2)),
                "tags": ["B-ANIMAL" if word in ("fox", "dog") else "O" for word in words],
            }
        )
    write_bert(folder / "bert")
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_bert(folder: Path) -> None:
    """A tiny encoder as transformers and tokenizers write it."""
    transformers = pytest.importorskip("transformers")
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = transformers.BertConfig(vocab_size=len(words), max_position_embeddings=520, **shape)
    transformers.BertModel(config).save_pretrained(folder)
    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.save(str(folder / "tokenizer.json"))


def only(*names: str) -> dict:
    """Columns of everything but these inputs and targets dropped."""
    kinds = {"age": "number", "city": "category", "note": "text", "text": "text", "picture": "image", "left": "boolean"}
    kinds |= {"spend": "number", "kind": "category", "labels": "multilabel", "tags": "tags"}
    return {name: {"kind": kind if name in names else "drop"} for name, kind in kinds.items()}


def supervised(inputs: tuple[str, ...], target: str = "kind", **model: object) -> dict:
    return {"target": target, "columns": only(*inputs, target), "model": model}


def writing(source: str = "note", **model: object) -> dict:
    columns = {**only(source), "city": {"kind": "text", "tokenizer": "characters"}}
    return {"target": "city", "columns": columns, "model": model}


def rewriting(*inputs: str, target: str, head: str = "reconstruct", **model: object) -> dict:
    return {"targets": {target: {"head": head}}, "columns": only(*inputs), "model": model}


NOTE = ("note",)
FAMILIES: dict[str, dict] = {
    "mlp on a table": supervised(("age", "city")),
    "ensemble of perceptrons": supervised(("age", "city"), encoders={"table": {"kind": "mlp", "ensemble": 4}}),
    "transformer on a table": supervised(("age", "city"), encoders={"table": {"kind": "transformer", "width": 8}}),
    "number": supervised(("age", "city"), "spend"),
    "boolean": supervised(("age", "city"), "left"),
    "multilabel": supervised(("age", "city"), "labels"),
    "ensemble": supervised(NOTE, encoders={"note": {"kind": "ensemble", "width": 8}}),
    "bag": supervised(NOTE, encoders={"note": {"kind": "bag", "buckets": 50}}),
    "rnn": supervised(NOTE, encoders={"note": {"kind": "rnn", "cell": "rnn", "hidden": 8}}),
    "lstm": supervised(NOTE, encoders={"note": {"kind": "rnn", "cell": "lstm", "hidden": 8}}),
    "gru": supervised(NOTE, encoders={"note": {"kind": "rnn", "cell": "gru", "hidden": 8}}),
    "cnn on text": supervised(NOTE, encoders={"note": {"kind": "cnn", "channels": [8]}}),
    "transformer on text": supervised(NOTE, encoders={"note": {"kind": "transformer", "width": 8}}),
    "cnn on pictures": supervised(("picture",), encoders={"picture": {"kind": "cnn", "channels": [4], "shrink": [2]}}),
    "transformer on pictures": supervised(("picture",), encoders={"picture": {"kind": "transformer", "width": 8}}),
    "tags": supervised(NOTE, "tags", encoders={"note": {"kind": "rnn", "hidden": 8}}),
    "tags with a random field": supervised(
        NOTE, "tags", encoders={"note": {"kind": "transformer", "width": 8}}, heads={"tags": {"crf": True}}
    ),
    "ctc": writing("picture", encoders={"picture": {"kind": "rnn", "hidden": 8}}, heads={"city": "ctc"}),
    "masked text": rewriting(
        "note", target="note", head="masked", encoders={"note": {"kind": "transformer", "width": 8}}
    ),
    "autoencoder of pictures": rewriting(
        "picture", target="picture", fuse={"kind": "gaussian", "size": 2}, encoders={"picture": "mlp"}
    ),
    "autoencoder of a table": rewriting("age", "city", target="table", fuse={"kind": "gaussian", "size": 2}),
    "gru without attention that writes": writing(
        encoders={"note": {"kind": "rnn", "cell": "gru", "hidden": 8}},
        heads={"city": {"cell": "gru", "hidden": 8, "attention": False, "teacher_forcing": 0.5}},
    ),
    "lstm that writes": writing(encoders={"note": {"kind": "rnn", "hidden": 8}}, heads={"city": {"hidden": 8}}),
    "transformer that writes": writing(
        encoders={"note": {"kind": "transformer", "width": 8}},
        heads={"city": {"cell": "transformer", "hidden": 8, "heads": 2, "beams": 2}},
    ),
    "language model that writes": {
        "model": {"kind": "language", "width": 8, "layers": 1, "heads": 2, "context": 32, "tokenizer": "characters"}
    },
    "pretrained": supervised(NOTE, encoders={"note": {"kind": "pretrained", "path": "bert"}}),
    "all inputs, several targets": {
        "targets": {"kind": {}, "spend": {"weight": 0.5}},
        "columns": only("age", "city", "note", "picture", "kind", "spend"),
        "model": {"fuse": {"kind": "transformer", "width": 8, "heads": 2}},
    },
}
FIELD_OF = {family: field for field in FIELDS for family in field.FAMILIES}
for field in FIELDS:
    FAMILIES |= field.FAMILIES
VERBS: dict[str, list[str]] = {
    "check": ["check", "recipe.yaml"],
    "evaluate": ["evaluate", "run"],
    "evaluate other data": ["evaluate", "run", "rows.jsonl"],
    "compare": ["compare", "run"],
    "predict": ["predict", "run", "rows.jsonl", "--probabilities"],
    "generate": ["generate", "run", "red fox", "--max-tokens", "3"],
    "show": ["show", "run"],
    "list": ["list", "."],
    "explain": ["explain", "run", "--rows", "2", "--samples", "40"],
    "explain as a whole": ["explain", "run", "--method", "permutation"],
    "compress: prune, int8": ["compress", "run", "prune", "sparsity=0.5", "epochs=1", "int8", "--no-timing", "--out", "small"],
    "compress: int4": ["compress", "run", "int4", "--no-timing", "--out", "int4"],
    "compress: structured": ["compress", "run", "structured", "ratio=0.5", "epochs=1", "--no-timing", "--out", "narrow"],
    "compress: distill": ["compress", "run", "distill", "student=recipe.yaml", "--no-timing", "--out", "student"],
    "audit": ["audit", "run", "rows.jsonl", "--quick"],
    "encrypt": ["encrypt", "run", "--passphrase-file", "word.txt", "--out", "run.mwe"],
    "decrypt": ["decrypt", "run.mwe", "--passphrase-file", "word.txt", "--out", "again"],
    "mask": ["mask", "rows.jsonl", "--out", "masked.jsonl"],
    "federate": ["federate", "recipe.yaml", "--clients", "2", "--fraction", "1", "--rounds", "1", "--epochs", "1", "--out", "joint"],
    "train privately": ["train", "recipe.yaml", "privacy={epsilon: 50, accountant: rdp}", "--no-baselines", "--out", "private"],
}  # fmt: skip
AFTER = {  # a run that a verb has made, that verb, and those that must work on it
    "small": ("compress: prune, int8", ["evaluate", "compare", "predict", "generate", "show", "explain", "audit"]),
}
UNABLE: dict[tuple[str, str], str] = {
    ("generate", family): "a model that writes text" for family in FAMILIES if not family.endswith("writes")
} | {
    ("explain as a whole", "language model that writes"): "a model that reads columns",
    ("train privately", "language model that writes"): "a model that predicts a target",
}
for field in FIELDS:
    UNABLE |= getattr(field, "UNABLE", {})


@pytest.fixture(scope="module", params=FAMILIES, ids=str)
def trained(request, tmp_path_factory) -> tuple[str, Path]:
    """A family and the folder with its data, its recipe and its run, which the command line made."""
    folder = tmp_path_factory.mktemp("family")
    field = FIELD_OF.get(request.param)
    (field.write if field else write_data)(folder)
    recipe = {"data": "rows.jsonl", "train": QUICK, "baselines": ["majority"], **FAMILIES[request.param]}
    (folder / "recipe.yaml").write_text(json.dumps(recipe))  # JSON is YAML
    (folder / "word.txt").write_text("correct horse battery staple")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MODELWRIGHT_CACHE", str(folder / "cache"))
        torch.set_num_threads(1)
        assert call(["train", "recipe.yaml", "--out", "run"]) == 0
    return request.param, folder


def call(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as done:
        cli.main(arguments)
    return int(done.value.code or 0)


@pytest.mark.parametrize("verb", VERBS, ids=str)
def test_every_verb_works_on_every_family(verb, trained, monkeypatch, capsys):
    family, folder = trained
    does(words(verb, family), folder, UNABLE.get((verb, family)), monkeypatch, capsys)


@pytest.mark.parametrize("made", AFTER, ids=str)
def test_a_changed_run_is_a_run(made, trained, monkeypatch, capsys):
    family, folder = trained
    maker, verbs = AFTER[made]
    if not (folder / made).exists():
        does(words(maker, family), folder, None, monkeypatch, capsys)
    for verb in verbs:
        changed = [made if word == "run" else word for word in words(verb, family)]
        does(changed, folder, UNABLE.get((verb, family)), monkeypatch, capsys)


def words(verb: str, family: str) -> list[str]:
    """A call, with the family's own rows where it has some."""
    own = getattr(FIELD_OF.get(family), "ROWS", {}).get(family, "rows.jsonl")
    return [own if word == "rows.jsonl" else word for word in VERBS[verb]]


def does(words, folder, needs, monkeypatch, capsys):
    """One call: it succeeds, or says in the one way there is what it needs."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(folder / "cache"))
    code = call([*words, "--json"])
    out, err = capsys.readouterr()
    message = json.loads(out.splitlines()[-1]).get("error", {}).get("message")
    if needs is None:
        assert (code, message) == (0, None), err
    else:
        assert code == 2 and f"this needs {needs}; " in message, err


def test_no_verb_is_left_out():
    assert {words[0] for words in VERBS.values()} == set(cli.verb_names()) - {"init"}


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_the_readme_shows_the_matrix(readme):
    file = Path(__file__).parents[1] / readme
    text = file.read_text("utf-8")
    written = re.sub(r"(?<=<!-- matrix -->\n).*?(?=<!-- end -->)", matrix(), text, flags=re.DOTALL)
    if os.environ.get("MODELWRIGHT_WRITE"):
        file.write_text(written, "utf-8")
    assert written == text and matrix() in text


def matrix() -> str:
    """The cases above as a table: families down, verbs across."""
    verbs = [verb for verb in VERBS if verb not in ("list", "mask", "evaluate other data")]
    rows = [["", *verbs], ["---", *[":-:"] * len(verbs)]]
    rows += [[family, *["–" if (verb, family) in UNABLE else "✓" for verb in verbs]] for family in FAMILIES]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
