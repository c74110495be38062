"""Language models through the public door: every way in, exact resume, and what the numbers mean."""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

import modelwright as mw
from modelwright import cli, evaluation, perplexity
from modelwright.data import chat, corpus, shards, tokenizers
from modelwright.data.packing import Packed, TokenBatches, Windows
from modelwright.errors import UserError
from modelwright.loop import StepOptions, batch_gradients
from modelwright.models.language import Language
from modelwright.tasks._ngram import KneserNey

MODEL = {"kind": "language", "tokenizer": "characters", "width": 16, "layers": 1, "heads": 2, "context": 16}
TRAIN = {"steps": 40, "batch": 4, "speed": "fixed", "threads": 1, "checkpoint_seconds": 0}
WORDS = ["the", "sea", "红", "is", "blue", "and", "cold", "wörld"]


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(tmp_path / "cache"))
    torch.set_num_threads(1)
    draw = random.Random(0)
    lines = [" ".join(draw.choices(WORDS, k=draw.randint(2, 9))) for _ in range(120)]
    Path("text.txt").write_text("\n".join(lines), "utf-8")
    Path("lines.jsonl").write_text("".join(json.dumps({"text": line}) + "\n" for line in lines), "utf-8")
    turns = [{"role": "user", "content": "What is blue?"}, {"role": "assistant", "content": "the sea"}]
    Path("chat.jsonl").write_text((json.dumps({"messages": turns}) + "\n") * 60)
    return tmp_path


def train(out: str, data: str = "text.txt", model: dict | None = None, **more) -> mw.Run:
    values = {"data": data, "model": {**MODEL, **(model or {})}, "train": {**TRAIN, **more}}
    return mw.train(values, out=out, report=False)


def vocabulary(kind: str = "characters") -> shards.Vocabulary:
    return shards.Vocabulary(tokenizers.train(kind, corpus.read("lines.jsonl").texts()), {"eos": tokenizers.END})


# ---- tokenizers and corpora


@pytest.mark.parametrize(
    "config", ["characters", *({"kind": "bpe", "size": 300, "split": s} for s in tokenizers.SPLITS)]
)
def test_a_tokenizer_gives_every_text_back(config):
    tokenizer = tokenizers.train(config, corpus.read("text.txt").texts())
    for text in ("the 红 sea", "never seen: 你好\n\n  ü 🙂 don't 12345"):
        assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_rare_characters_are_bytes():
    tokenizer = tokenizers.train({"kind": "characters", "min_frequency": 2}, ["aab"])
    assert tokenizer.token_to_id("a") is not None and tokenizer.token_to_id("b") is None
    assert tokenizer.encode("ab").tokens == ["a", "<0x62>"]


def test_the_last_tenth_of_a_document_is_validation():
    whole, found = Path("text.txt").read_text("utf-8"), corpus.read("text.txt")
    train, held = ("".join(found.texts(part)) for part in ("train", "validation"))
    assert train + held == whole and len(train) == len(whole) * 9 // 10


def test_every_tenth_document_is_validation():
    found = corpus.read("lines.jsonl")
    assert [len(list(found.parts[part]())) for part in ("train", "validation")] == [108, 12]
    assert not set(found.texts("train")) & (set(found.texts("validation")) - set(found.texts("train")))


def test_a_long_document_is_the_same_in_pieces(monkeypatch):
    words = vocabulary("bpe")
    whole = shards.tokens(corpus.read("text.txt"), "train", words)
    monkeypatch.setattr(corpus, "PIECE", 64)
    monkeypatch.setenv("MODELWRIGHT_CACHE", "other")
    pieces = shards.tokens(corpus.read("text.txt"), "train", words)
    assert np.array_equal(whole.ids, pieces.ids) and whole.characters == pieces.characters


def test_texts_are_parted_and_packed_alike(workplace):
    import gzip
    import zipfile

    Path("parted.txt").write_text("one<|endoftext|>two<|endoftext|>\n", "utf-8")
    assert list(corpus.read("parted.txt", split=False).texts()) == ["one", "two"]
    Path("parted.txt.gz").write_bytes(gzip.compress(Path("parted.txt").read_bytes()))
    with zipfile.ZipFile("parted.zip", "w") as archive:
        archive.write("parted.txt")
    Path("folder").mkdir()
    Path("folder/a.txt").write_text("one")
    Path("folder/b.txt").write_text("two")
    for name in ("parted.txt.gz", "parted.zip", "folder"):
        assert list(corpus.read(name, split=False).texts()) == ["one", "two"]
    Path("table.csv").write_text("text,more\none,1\ntwo,2\n")
    assert list(corpus.read("table.csv", split=False).texts()) == ["one", "two"]


def test_tokens_are_made_once(monkeypatch):
    found, words = corpus.read("text.txt"), vocabulary()
    first = shards.tokens(found, "train", words)
    monkeypatch.setattr(shards, "_write", lambda *_: pytest.fail("tokenised again"))
    assert np.array_equal(first.ids, shards.tokens(corpus.read("text.txt"), "train", words).ids)
    Path("text.txt").write_text("another text\n" * 9)
    with pytest.raises(pytest.fail.Exception):
        shards.tokens(corpus.read("text.txt"), "train", words)


# ---- batches


def documents(context: int = 24) -> tuple[shards.Tokens, Packed]:
    tokens = shards.tokens(corpus.read("lines.jsonl"), "train", vocabulary())
    return tokens, Packed(tokens, context)


def model() -> Language:
    torch.manual_seed(0)
    net = Language(vocabulary().tokenizer.get_vocab_size(), width=16, layers=2, heads=2, context=64)
    for weight in net.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    return net.eval()


def test_packed_rows_are_the_sum_of_separate_documents():
    tokens, packed = documents(context=64)
    assert packed.count < len(tokens.starts) - 1
    net = model().requires_grad_(False)
    together, count = perplexity.nats(net, [packed.batch(np.arange(packed.count))])
    apart = 0.0
    for start, stop in zip(tokens.starts[:-1], tokens.starts[1:]):
        ids = torch.tensor(tokens.ids[start:stop].astype(np.int64))[None]
        apart += float(net({"ids": ids[:, :-1], "labels": ids[:, 1:]})["text"][0])
    assert count == len(tokens.ids) - (len(tokens.starts) - 1)
    assert together == pytest.approx(apart, rel=1e-5)


def test_packing_leaves_little_room_and_loses_nothing():
    tokens, packed = documents()
    labels = torch.cat([packed.batch(np.arange(packed.count))["labels"]]).flatten()
    assert (labels >= 0).sum() == len(tokens.ids) - (len(tokens.starts) - 1)
    assert (labels >= 0).float().mean() > 0.9


def test_accumulated_steps_equal_one_step():
    batch = next(TokenBatches(documents()[1], 8, 0, 1).epoch(0))
    gradients = []
    for parts in (1, 4):
        net = model()
        batch_gradients(net, batch, StepOptions(accumulate=parts))
        gradients.append([weight.grad for weight in net.parameters()])
    for one, other in zip(*gradients):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


def test_windows_read_every_token_of_a_pass_once_and_start_anywhere():
    tokens = shards.tokens(corpus.read("text.txt"), "train", vocabulary())
    batches = TokenBatches(Windows(tokens, 16), 1, 3, 1000)
    passes = batches.rows.count
    labels = np.concatenate([batch["labels"].flatten() for batch in batches.epoch(0)][:passes])
    assert len(labels) == passes * 16 and len(labels) >= len(tokens.ids) - 3 * 16
    shift = batches._chosen(0)[1]
    assert np.array_equal(np.sort(labels), np.sort(tokens.ids[shift + 1 : shift + 1 + len(labels)]))
    whole = [batch["ids"] for batch in batches.epoch(1)]
    again = [batch["ids"] for batch in TokenBatches(Windows(tokens, 16), 1, 3, 1000).epoch(1, start=400)]
    assert all(torch.equal(a, b) for a, b in zip(whole[400:], again, strict=True))
    assert not torch.equal(whole[0], whole[passes])


def test_only_the_assistant_is_learned():
    template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
    turns = [
        {"role": r, "content": c}
        for r, c in [("user", "hi 红"), ("assistant", "红"), ("user", "红"), ("assistant", "b")]
    ]
    tokenizer = vocabulary().tokenizer
    ids, learned = chat.encode(turns, tokenizer, template, {"eos": tokenizers.END})
    said = [tokenizer.id_to_token(i) for i, is_learned in zip(ids, learned) if is_learned]
    assert "".join(said) == f"红{tokenizers.END}b{tokenizers.END}"


def test_a_template_may_write_earlier_turns_otherwise():
    """As Qwen3's does, which drops what was thought before."""
    template = (
        "{% for m in messages %}<|{{ m.role }}|>{% if m.role == 'assistant' and loop.last %}<think/>{% endif %}"
        "{% generation %}{{ m.content }}{% endgeneration %}<|end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    turns = [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}] * 2
    tokenizer = vocabulary().tokenizer
    ids, learned = chat.encode(turns, tokenizer, template, {"eos": [tokenizers.END, "<|end|>"]})
    said = tokenizer.decode([i for i, is_learned in zip(ids, learned) if is_learned])
    assert said == "a<|end|><think/>a<|end|>"


def test_chats_are_written_as_transformers_writes_them():
    transformers = pytest.importorskip("transformers")
    words = transformers.PreTrainedTokenizerFast(tokenizer_object=vocabulary().tokenizer, eos_token=tokenizers.END)
    turns = [
        {"role": "user", "content": " hi 红 "},
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": "x"},
    ]
    for answer in (False, True):
        theirs = words.apply_chat_template(
            turns, chat_template=chat.TEMPLATE, tokenize=False, add_generation_prompt=answer
        )
        assert chat.render(turns, chat.TEMPLATE, {"eos": tokenizers.END}, answer) == theirs


# ---- training


def test_a_run_is_a_folder_of_hugging_face(capsys):
    transformers = pytest.importorskip("transformers")
    run = train("r", model={"tokenizer": {"kind": "bpe", "size": 300}})
    theirs = transformers.AutoModelForCausalLM.from_pretrained("r").eval()
    words = transformers.AutoTokenizer.from_pretrained("r")
    loaded = mw.Run.load("r")
    for text in ("the sea 红 is 你好", "  a\n\nb"):
        ids = torch.tensor([loaded.tokenizer.encode(text).ids])
        assert words(text)["input_ids"] == ids[0].tolist() and words.decode(ids[0]) == text
        with torch.no_grad():
            assert (theirs(ids).logits - loaded.model.logits(ids)).abs().max() <= 1e-5
    assert {"loss", "perplexity", "bits_per_byte", "bits_per_character"} <= run.metrics["test"]["text"].keys()
    assert {"3-gram", "5-gram"} == run.metrics["baselines"].keys()
    report = json.loads(Path("r/reports/train.json").read_text("utf-8"))
    assert any(block.get("title", "").startswith("Samples") for block in report["blocks"])


@pytest.mark.parametrize("data", ["text.txt", "lines.jsonl", "chat.jsonl"])
def test_a_killed_run_goes_on_bit_for_bit(data):
    train("whole", data, model={"dropout": 0.2})
    child = os.fork()
    if child == 0:
        try:
            values = {"data": data, "model": {**MODEL, "dropout": 0.2}, "train": TRAIN}
            mw.train(
                values,
                out="cut",
                report=False,
                on_step=lambda event: event.step == 21 and os.kill(os.getpid(), signal.SIGKILL),
            )
        finally:
            os._exit(1)
    os.waitpid(child, 0)
    mw.train(resume="cut", report=False)
    assert Path("cut/model.safetensors").read_bytes() == Path("whole/model.safetensors").read_bytes()


def test_scores_mean_what_they_say():
    run = train("r", steps=200, lr=0.02)
    scores = run.metrics["test"]["text"]
    found = corpus.read("text.txt")
    held = "".join(found.texts("validation"))
    assert scores["tokens"] == len(run.tokenizer.encode(held).ids) - 1
    bits = scores["loss"] * scores["tokens"] / math.log(2)
    assert scores["bits_per_character"] == pytest.approx(bits / len(held))
    assert scores["bits_per_byte"] == pytest.approx(bits / len(held.encode()))
    assert scores["perplexity"] == pytest.approx(math.exp(scores["loss"]))
    assert scores["loss"] < 2  # 15 characters that follow from each other
    assert mw.evaluate("r").data["test"]["text"]["loss"] == pytest.approx(scores["loss"])
    Path("held.txt").write_text(held, "utf-8")
    assert mw.evaluate("r", "held.txt").data["test"]["text"]["loss"] == pytest.approx(scores["loss"])


def test_predict_gives_the_loss_of_each_row():
    run = train("r", "lines.jsonl")
    rows = run.predict([{"text": "the sea"}, {"text": "zzz"}, {"text": "the sea " * 9}]).to_pylist()
    ids = torch.tensor([run.vocabulary.around(run.tokenizer.encode("the sea", add_special_tokens=False).ids)])
    loss = torch.nn.functional.cross_entropy(run.model.logits(ids[:, :-1])[0], ids[0, 1:]).item()
    assert rows[0]["loss"] == pytest.approx(loss, rel=1e-4) and rows[0]["tokens"] == 8
    assert rows[1]["loss"] > rows[0]["loss"] and rows[2]["tokens"] == 73
    assert run.predict({"text": "the sea"}).num_rows == 1


def test_choices_are_scored_by_what_follows():
    run = train("r", "lines.jsonl", steps=200, lr=0.02)
    rows = [
        {"prompt": "the s", "choices": ["ea", "zz"], "answer": 0},
        {"prompt": "bl", "choices": ["qx", "ue"], "answer": 1},
    ]
    Path("q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert mw.evaluate("r", "q.jsonl").data["test"]["choices"] == {
        "accuracy": 1.0,
        "accuracy_by_length": 1.0,
        "rows": 2,
    }
    assert run.metrics["rows"] == {"train": 108, "validation": 12}


def test_a_chat_is_tuned_from_a_run_with_lora():
    train("base", model={"context": 128})
    base = mw.Run.load("base")
    text = {"kind": "language", "from": "base", "lora": {"rank": 2}, "dropout": 0.1}
    run = mw.train({"data": "chat.jsonl", "model": text, "train": {**TRAIN, "batch": 2}}, out="tuned", report=False)
    assert Path("tuned/adapter/adapter_config.json").exists()
    assert run.metrics["test"]["text"]["loss"] < perplexity.measure(base.model, *_chats(base))["loss"]
    assert mw.Run.load("tuned").vocabulary.template == chat.TEMPLATE and base.vocabulary.template is None


def _chats(base: mw.Run) -> tuple[shards.Tokens, int]:
    return shards.tokens(corpus.read("chat.jsonl"), "validation", base.vocabulary), 128


def test_a_plain_folder_is_evaluated_and_goes_on(capsys):
    train("r")
    for name in ("status", "resolved.yaml", "recipe.yaml", "metrics.json", "history.jsonl"):
        Path("r", name).unlink()
    assert mw.evaluate("r", "text.txt").data["test"]["text"]["loss"] > 0
    assert mw.Run.load("r").generate("the sea", max_tokens=5)[0].text


# ---- the n-gram model


def test_the_n_gram_model_is_a_distribution_and_beats_no_context():
    draw = np.random.default_rng(0)
    ids = (np.cumsum(draw.integers(0, 2, 4000)) % 5).astype(np.uint16)
    model = KneserNey(ids[:3000], 6, 3)
    after = [np.exp(-model.losses(np.array([1, 2, last]))[2]) for last in range(6)]
    assert sum(after) == pytest.approx(1)
    unseen = [np.exp(-model.losses(np.array([5, 0, last]))[2]) for last in range(6)]
    assert sum(unseen) == pytest.approx(1)
    assert model.losses(ids[3000:])[2:].mean() == pytest.approx(math.log(2), abs=0.05)


# ---- bad input


@pytest.mark.parametrize(
    ("files", "recipe", "message"),
    [
        ({"e.txt": ""}, {"data": "e.txt"}, "no text"),
        ({"e.txt": "abc\n" * 8}, {"data": "e.txt"}, "two contexts of 16"),
        ({}, {"data": "text.txt", "train": {**TRAIN, "batch": 5000}}, "a batch 5,000"),
        ({"b.jsonl": '{"text": "a"}\n{"text": \n'}, {"data": "b.jsonl"}, "b.jsonl:2"),
        ({"b.jsonl": '{"txt": "a"}\n'}, {"data": "b.jsonl"}, "b.jsonl:1"),
        (
            {"c.jsonl": '{"messages": [{"role": "user", "content": "x"}]}\n'},
            {"data": "c.jsonl"},
            "no turn of the assistant",
        ),
        ({"l.txt": b"\xff\xfeab"}, {"data": "l.txt"}, "encoding"),
        ({}, {"data": "text.txt", "model": {**MODEL, "tokenizer": "charcters"}}, "characters"),
        ({}, {"data": "text.txt", "model": {**MODEL, "size": "huge"}}, "not a size"),
        ({}, {"data": "text.txt", "target": "y"}, "no target"),
        ({}, {"data": {"path": "text.txt", "split": "random"}}, "not a key of texts"),
        ({}, {"data": "text.txt", "model": {**MODEL, "lora": {"rank": 2}}}, "LoRA"),
    ],
)
def test_mistakes_are_told_in_one_line(files, recipe, message):
    for name, text in files.items():
        Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=message):
        mw.train({"model": MODEL, "train": TRAIN, **recipe}, out="bad", report=False)
    assert not Path("bad").exists()


def test_a_tokenizer_of_another_model_is_refused():
    train("r")
    Path("r/tokenizer.json").write_text(tokenizers.train("characters", ["abcdefghijklmnopqrstuvwxyzABCDEFGH"]).to_str())
    with pytest.raises(UserError, match="another model's tokenizer"):
        mw.evaluate("r", "text.txt")


def test_check_shows_what_of_a_chat_is_learned(capsys):
    Path("c.yaml").write_text(
        "data: chat.jsonl\nmodel: {kind: language, tokenizer: characters, width: 16, layers: 1, heads: 2, context: 64}\ntrain: {batch: 2}\n"
    )
    with contextlib.suppress(SystemExit):
        cli.main(["check", "c.yaml"])
    assert "[the sea<|endoftext|>]" in " ".join(capsys.readouterr().out.split())


@pytest.mark.real
def test_the_named_corpora_have_their_parts():
    if not os.environ.get("MODELWRIGHT_DATA"):
        pytest.skip("MODELWRIGHT_DATA is not set")
    found = corpus.read("tinyshakespeare")
    assert [sum(map(len, found.texts(part))) for part in ("train", "validation")] == [1_003_854, 111_540]
    songs = corpus.read("songci")
    assert [len(list(songs.parts[part]())) for part in ("train", "validation", "test")] == [19_000, 1_000, 1_050]


def test_operations_are_counted():
    net, tokens = model(), documents()[1].batch(np.arange(2))
    dense = sum(weight.numel() for name, weight in net.named_parameters() if "proj" in name or "head" in name)
    assert evaluation.flops(net, tokens) >= 2 * dense * tokens["ids"].shape[1]
