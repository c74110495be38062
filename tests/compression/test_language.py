"""A language model in few bits is no Hugging Face folder any more, and still writes, is measured and is exported."""

from __future__ import annotations

import random

import pytest
import torch

import modelwright as mw
from modelwright.errors import RunError
from modelwright.run import Run
from modelwright.verbs.compress import compress
from modelwright.verbs.generate import generate
from modelwright.verbs.show import show

WORDS = ["the", "sea", "is", "blue", "and", "cold"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A text and two language models of it, with a table of tokens for the output too and without."""
    folder = tmp_path_factory.mktemp("language")
    draw = random.Random(0)
    (folder / "text.txt").write_text("\n".join(" ".join(draw.choices(WORDS, k=7)) for _ in range(300)))
    (folder / "rows.jsonl").write_text('{"text": "the sea is cold"}\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELWRIGHT_CACHE", str(folder / "cache"))
        torch.set_num_threads(1)
        model = {"kind": "language", "tokenizer": "characters", "width": 64, "layers": 2, "heads": 2, "context": 32}
        for tied in (False, True):
            train = {"steps": 60, "batch": 8, "speed": "fixed", "threads": 1}
            recipe = {"data": str(folder / "text.txt"), "model": {**model, "tied": tied}, "train": train}
            mw.train({**recipe, "baselines": False}, out=str(folder / f"tied {tied}"), report=False)
        yield folder


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(
    "steps", [("int8",), ("int4",), ("wanda", "int8"), ({"kind": "int8", "activations": "static"},)]
)
def test_a_compressed_language_model_works(steps, tied, place, tmp_path):
    source = place / f"tied {tied}"
    small = compress(str(source), *steps, out=str(tmp_path / "small"), timing=False)
    assert not (small.path / "config.json").exists()
    assert (source / "model.safetensors").stat().st_size / (small.path / "model.safetensors").stat().st_size > 2.5
    (text,) = generate(str(small.path), "the sea", max_tokens=5).data["texts"]
    assert text["tokens"] == 5
    before, after = (mw.evaluate(str(path)).data["test"]["text"]["loss"] for path in (source, small.path))
    assert after == pytest.approx(before, rel=0.2)
    assert mw.predict(str(small.path), str(place / "rows.jsonl")).data["rows"] == 1
    assert mw.compare(str(source), str(small.path)).data and show(str(small.path)).blocks


def test_no_training_begins_with_a_compressed_model(place, tmp_path):
    compress(str(place / "tied True"), "int8", out=str(tmp_path / "small"), timing=False)
    recipe = {"data": str(place / "text.txt"), "model": {"kind": "language", "from": str(tmp_path / "small")}}
    with pytest.raises(RunError, match="was compressed"):
        mw.train(recipe, out=str(tmp_path / "tuned"), report=False)


def test_a_language_model_becomes_a_graph(place, tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    from modelwright.exporters.onnx import export, feed, start

    run = Run.load(place / "tied True")
    plain = export(run, tmp_path / "plain.onnx", rows=16)
    small = export(run, tmp_path / "small.onnx", quantize="int8", rows=16)
    assert plain.error < 1e-4 and plain.bytes > 1.5 * small.bytes
    ids = torch.randint(0, run.model.vocabulary, (3, 11))
    (found,) = start(plain.path, 1).run(None, feed({"ids": ids}))
    with torch.inference_mode():
        assert torch.allclose(torch.from_numpy(found), run.model.logits(ids), atol=1e-4)
