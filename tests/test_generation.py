"""Texts from runs: a language model with an untrained network, and a small translating run through every door."""

from __future__ import annotations

import io
import json
import sys

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

import modelwright as mw
from modelwright import cli
from modelwright.data.shards import Vocabulary
from modelwright.errors import DataError, RunError, UserError
from modelwright.generation import generate
from modelwright.models.language import Language
from modelwright.recipe import Recipe
from modelwright.run import Run

WORDS = {"one": "ein", "two": "zwei", "dog": "Hund", "cat": "Katze", "runs": "läuft", "sits": "sitzt"}


@pytest.fixture(scope="module")
def language() -> Run:
    """A run whose model is an untrained language model over bytes."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(["<end>", *alphabet])}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    torch.manual_seed(0)
    model = Language(257, width=32, layers=2, heads=2, context=40).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "o_proj" in name or "down_proj" in name:  # which begin as zeros
                weight.normal_(std=0.3)
        model.lm_head.weight.normal_()
        model.lm_head.weight[128:] = -model.lm_head.weight[:1] * 9  # mostly ASCII
    run = Run(Recipe(data="memory", model={"kind": "language"}), {}, model=model)
    run._language = (model, Vocabulary(tokenizer, {"eos": "<end>"}))
    return run


@pytest.fixture(scope="module")
def translating(tmp_path_factory) -> Run:
    rows = [
        {"en": f"{a} {b} {c}", "de": f"{WORDS[a]} {WORDS[b]} {WORDS[c]}!"}
        for a in ("one", "two")
        for b in ("dog", "cat")
        for c in ("runs", "sits")
    ] * 12
    recipe = {
        "data": rows,
        "target": "de",
        "columns": {"en": "text", "de": "text"},
        "model": {
            "heads": {"de": {"kind": "sequence", "hidden": 48}},
            "encoders": {"en": {"kind": "rnn", "hidden": 32}},
        },
        "train": {"epochs": 30, "batch": 16, "lr": 1e-2, "speed": "fixed", "threads": 1, "early_stop": 0},
    }
    return mw.train(recipe, out=tmp_path_factory.mktemp("translating") / "run")


def test_a_prompt_is_continued_alike_alone_and_among_others(language):
    prompts = ["To be", "x", "a longer prompt than those"]
    together = generate(language, prompts, max_tokens=10, seed=4)
    for prompt, found in zip(prompts, together):
        (alone,) = generate(language, [prompt], max_tokens=10, seed=4)
        assert alone.text == found.text and alone.score == pytest.approx(found.score, abs=1e-4)
    assert len({one.text for one in together}) == 3 and all(one.tokens == 10 for one in together)


def test_samples_are_what_the_next_seeds_draw(language):
    three = generate(language, ["To be"], max_tokens=8, samples=3, seed=5)
    singles = [generate(language, ["To be"], max_tokens=8, seed=seed)[0] for seed in (5, 6, 7)]
    assert [one.text for one in three] == [one.text for one in singles]
    assert len({one.text for one in three}) == 3


def test_text_is_told_while_it_is_written(language):
    told: list[str] = []
    (found,) = generate(language, ["To be"], max_tokens=20, on_text=told.append)
    assert "".join(told) == found.text and len(told) > 5


def test_a_text_ends_before_a_stop_string(language):
    (whole,) = generate(language, ["To be"], max_tokens=30, temperature=0.0)
    stop, told = whole.text[12:15], []
    (found,) = generate(
        language, ["To be"], max_tokens=30, temperature=0.0, stop=[stop, "no such text"], on_text=told.append
    )
    assert found.text == whole.text[: whole.text.index(stop)] == "".join(told)
    assert found.tokens < whole.tokens


def test_the_context_bounds_prompt_and_answer(language):
    assert generate(language, ["x" * 35], max_tokens=100)[0].tokens <= 5
    with pytest.raises(DataError, match=r"prompt 2: the prompt has 41 tokens; the model's context holds 40"):
        generate(language, ["x", "y" * 41])


def test_an_empty_prompt_begins_with_the_end_of_a_text(language):
    assert generate(language, [""], max_tokens=4)[0].tokens == 4


def test_a_source_text_is_translated(translating):
    found = translating.generate(["two dog sits", "one cat runs"])
    assert [one.text for one in found] == ["zwei Hund sitzt!", "ein Katze läuft!"]
    assert translating.predict({"en": ["two dog sits"]}).to_pylist() == [{"de": "zwei Hund sitzt!"}]
    scores = translating.metrics["test"]["de"]
    assert scores["bleu"] > 90 and scores["loss"] < 0.3 and scores["signature"].startswith("nrefs:1")
    assert translating.generate("two cat sits", beams=4)[0].text == "zwei Katze sitzt!"


def call(arguments: list[str], monkeypatch, capsys, given: str = "") -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "stdin", io.StringIO(given))
    with pytest.raises(SystemExit) as done:
        cli.main(arguments)
    return int(done.value.code or 0), *capsys.readouterr()


def test_the_verb_writes_a_line_for_each_prompt(translating, monkeypatch, capsys, tmp_path):
    run = str(translating.path)
    assert call(["generate", run, "two dog runs"], monkeypatch, capsys)[:2] == (0, "zwei Hund läuft!\n")
    given = "one dog runs\ntwo cat sits\n"
    lines = "ein Hund läuft!\nzwei Katze sitzt!\n"
    assert call(["generate", run, "--file", "-"], monkeypatch, capsys, given)[:2] == (0, lines)
    (tmp_path / "in.txt").write_text(given)
    code, out, _ = call(["generate", run, "--file", str(tmp_path / "in.txt"), "--json"], monkeypatch, capsys)
    texts = json.loads(out)["texts"]
    assert code == 0 and [one["text"] for one in texts] == lines.splitlines() and texts[0]["prompt"] == "one dog runs"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "there is no prompt"),
        (["x", "--top-p", "2"], "top_p: expected more than 0"),
        (["x", "--samples", "2"], "samples would be alike"),
        (["x", "--samples", "0"], "samples: expected at least 1"),
        (["--file", "nowhere.txt"], "nowhere.txt: cannot be read (No such file"),
        ([" "], "prompt 1: the prompt is empty"),
    ],
)
def test_what_cannot_be_generated_is_said(translating, monkeypatch, capsys, arguments, message):
    code, out, err = call(["generate", str(translating.path), *arguments], monkeypatch, capsys)
    assert code == 2 and not out and message in err


def test_other_runs_say_who_can(tmp_path):
    run = mw.train({"data": "iris", "train": {"epochs": 1, "speed": "fixed"}, "baselines": False}, out=tmp_path / "run")
    with pytest.raises(RunError, match="Language models and runs with one target of kind text do"):
        run.generate("x")
    with pytest.raises(UserError):
        run.generate("x", beams=2)


def test_a_language_run_tells_its_prompt_and_what_follows(tmp_path, monkeypatch, capsys):
    (tmp_path / "corpus.txt").write_text("the quick brown fox jumps over the lazy dog\n" * 200)
    model = {"kind": "language", "width": 16, "layers": 1, "heads": 1, "context": 32, "tokenizer": "characters"}
    train = {"steps": 5, "speed": "fixed", "threads": 1}
    run = mw.train({"data": str(tmp_path / "corpus.txt"), "model": model, "train": train}, out=tmp_path / "run")
    (expected,) = run.generate("the quick", max_tokens=8, seed=3)
    arguments = ["generate", str(tmp_path / "run"), "the quick", "--max-tokens", "8", "--seed", "3"]
    assert call(arguments, monkeypatch, capsys)[1] == f"the quick{expected.text}\n"
    out = call([*arguments, "--samples", "2"], monkeypatch, capsys)[1]
    assert out.startswith(f"the quick{expected.text}\n---\nthe quick")
    code, _, err = call(["generate", str(tmp_path / "run"), "x" * 32], monkeypatch, capsys)
    assert code == 2 and "the prompt has 32 tokens; the model's context holds 32" in err
