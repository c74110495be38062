"""The language model: its cache, padding, packing and loss, each against the plain way of computing the same."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from modelwright.errors import UserError
from modelwright.models import language
from modelwright.models.language import Language, derive
from modelwright.optimizers import muon

V = 53
PRESETS = ["qwen3", "qwen2", "llama"]


def build(preset: str = "qwen3", **options) -> Language:
    torch.manual_seed(0)
    given = {"width": 32, "layers": 2, "heads": 4, "groups": 2, "hidden": 48, "context": 64, **options}
    model = Language(V, preset=preset, **given)
    with torch.no_grad():  # from scratch the layers begin as nothing, which would hide their mistakes
        for weight in model.parameters():
            weight.normal_(std=0.3) if weight.ndim > 1 else weight.add_(torch.randn_like(weight) * 0.2)
    return model.eval()


def random_ids(*shape: int) -> torch.Tensor:
    return torch.randint(0, V, shape, generator=torch.Generator().manual_seed(3))


def assert_close(one: torch.Tensor, other: torch.Tensor) -> None:
    assert torch.allclose(one, other, atol=2e-5, rtol=1e-4), float((one - other).abs().max())


@pytest.mark.parametrize("preset", PRESETS)
@torch.no_grad()
def test_the_cache_equals_computing_everything_again(preset):
    model, ids = build(preset), random_ids(3, 90)  # more than the 64 places the cache begins with
    whole, state = model.logits(ids), model.start(3)
    for start, end in [(0, 20), (20, 21), (21, 22), (22, 40), *((t, t + 1) for t in range(40, 90))]:
        logits, state = model.step(ids[:, start:end], state)
        assert_close(logits, whole[:, end - 1])


@torch.no_grad()
def test_a_padded_batch_equals_each_text_alone():
    model = build()
    prompts = [random_ids(1, length) for length in (9, 4, 1)]
    padded = torch.cat([F.pad(prompt, (9 - prompt.shape[1], 0), value=7) for prompt in prompts])
    mask = torch.arange(9) >= torch.tensor([[0], [5], [8]])
    more = random_ids(3, 5)
    logits, state = model.step(padded, model.start(3), mask)
    alone = [model.step(prompt, model.start(1)) for prompt in prompts]
    for t in range(5):
        assert_close(logits, torch.cat([one for one, _ in alone]))
        logits, state = model.step(more[:, t : t + 1], state)
        alone = [model.step(more[row : row + 1, t : t + 1], own) for row, (_, own) in enumerate(alone)]
    assert_close(logits, torch.cat([one for one, _ in alone]))


@torch.no_grad()
def test_selected_rows_go_on_by_themselves():
    model, ids = build(), random_ids(2, 7)
    _, state = model.step(ids, model.start(2))
    chosen = model.select(state, torch.tensor([1, 0, 1]))
    _, state = model.step(torch.zeros(2, 1, dtype=torch.long), state)  # the rows it came from do not disturb it
    logits, _ = model.step(torch.tensor([[4], [5], [6]]), chosen)
    texts = torch.cat([ids[[1, 0, 1]], torch.tensor([[4], [5], [6]])], 1)
    assert_close(logits, model.logits(texts)[:, -1])


def packed() -> tuple[dict[str, torch.Tensor], list[dict[str, torch.Tensor]]]:
    ids, labels = random_ids(2, 12), random_ids(2, 13)[:, 1:].clone()
    documents = torch.tensor([[0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2], [5, 5, 5, 5, 5, 5, 5, 4, 5, 5, 5, 5]])
    labels[0, 4:6] = -1
    places = [(0, 0, 3), (0, 3, 8), (0, 8, 12), (1, 0, 7), (1, 7, 8), (1, 8, 12)]
    alone = [{"ids": ids[r, a:b][None], "labels": labels[r, a:b][None]} for r, a, b in places]
    return {"ids": ids, "labels": labels, "documents": documents}, alone


@pytest.mark.parametrize("preset", PRESETS)
def test_packed_documents_equal_the_sum_of_each_alone(preset):
    model = build(preset)
    batch, alone = packed()
    total, count = model(batch)["text"]
    parts = [model(one)["text"] for one in alone]
    assert float(count) == float(model.counts(batch)["text"]) == sum(float(c) for _, c in parts) == 22
    assert_close(total, torch.stack([loss for loss, _ in parts]).sum())
    assert_close(model.logits(batch["ids"], batch["documents"])[1, 8:], model.logits(alone[5]["ids"])[0])


def test_the_loss_in_pieces_equals_the_whole_with_its_gradients(monkeypatch):
    model = build(tied=True)
    batch, _ = packed()
    results = []
    for budget in (2**30, 0):
        monkeypatch.setattr(language, "_LOGITS", budget)
        monkeypatch.setattr(language, "_PIECE", 5 * V * 4)  # 24 tokens in pieces of 5
        model.zero_grad()
        total, _ = model(batch)["text"]
        total.backward()
        results.append([total.detach(), *(weight.grad.clone() for weight in model.parameters())])
    for one, other in zip(*results, strict=True):
        assert_close(one, other)


@torch.no_grad()
def test_prediction_is_the_log_probability_of_each_row():
    model = build()
    batch, _ = packed()
    predicted = model.predict(batch)["text"]
    logprobs = F.log_softmax(model.logits(batch["ids"], batch["documents"]), -1)
    rows = [sum(float(logprobs[r, t, y]) for t, y in enumerate(batch["labels"][r]) if y >= 0) for r in range(2)]
    assert_close(predicted["logprob"], torch.tensor(rows))
    assert predicted["tokens"].tolist() == [10, 12]
    assert_close(-predicted["logprob"].sum(), model(batch)["text"][0])


def test_it_begins_as_nearly_uniform_and_learns():
    torch.manual_seed(0)
    model = Language(V, width=32, layers=2, heads=2, context=32, dropout=0.1)
    batch = {"ids": random_ids(8, 32), "labels": random_ids(8, 33)[:, 1:]}
    optimizer, losses = muon(model, embedding_ratio=3.0), []
    for _ in range(30):
        total, count = model(batch)["text"]
        losses.append(float(total.detach() / count))
        (total / count).backward()
        optimizer.step()
        optimizer.zero_grad()
    assert losses[0] == pytest.approx(math.log(V), abs=0.05)
    assert losses[-1] < losses[0] - 1


def test_bfloat16_is_near_float32():
    model = build()
    batch, _ = packed()
    exact = float(model(batch)["text"][0].detach())
    with torch.autocast("cpu", torch.bfloat16):
        assert float(model(batch)["text"][0].detach()) == pytest.approx(exact, rel=0.02)
    model.bfloat16()
    logits, _ = model.step(batch["ids"], model.start(2))
    assert logits.dtype == torch.bfloat16 and torch.isfinite(logits).all()


def test_one_dial_gives_all_options():
    derived = derive("d6")
    model = Language(V, **derived["model"])
    assert derived["model"] == {"width": 384, "layers": 6, "heads": 6, "groups": 6, "hidden": 1024}
    assert model.shape.head_width == 64 and derived["train"]["tokens"] == 6144
    assert derive("d12")["model"]["width"] == 768
    with pytest.raises(UserError, match=r"model.size: 'large' is not a size"):
        derive("large")


@pytest.mark.parametrize("options", [{"heads": 6, "groups": 4}, {"width": 20, "heads": 4}])
def test_heads_that_do_not_fit_are_told(options):
    with pytest.raises(UserError, match="groups must divide the heads"):
        Language(V, **options)
