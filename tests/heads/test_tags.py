"""Tags: the conditional random field against all sequences, and a tagger through the public door."""

from __future__ import annotations

import itertools

import pytest
import torch

import modelwright as mw
from modelwright.blocks.crf import Crf
from modelwright.blocks.stream import Stream
from modelwright.errors import DataError
from modelwright.heads.tags import Tags

LENGTHS, TAGS = [4, 1, 3], 3


def field() -> tuple[Crf, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    crf = Crf(TAGS)
    for weight in crf.parameters():
        torch.nn.init.normal_(weight)
    return crf, torch.randn(3, 4, TAGS) * 2, torch.arange(4) < torch.tensor(LENGTHS)[:, None]


def scores_of_all(crf: Crf, scores: torch.Tensor) -> dict[tuple[int, ...], float]:
    """Every sequence of tags over (T, K) scores and its s(x, y)."""
    found = {}
    for tags in itertools.product(range(TAGS), repeat=len(scores)):
        total = crf.first[tags[0]] + crf.last[tags[-1]] + sum(scores[t, tag] for t, tag in enumerate(tags))
        found[tags] = float(total + sum(crf.transitions[a, b] for a, b in itertools.pairwise(tags)))
    return found


def test_the_forward_algorithm_and_viterbi_equal_brute_force():
    crf, scores, mask = field()
    sums, best = crf.log_sum(scores, mask), crf.best(scores, mask)
    for row, length in enumerate(LENGTHS):
        every = scores_of_all(crf, scores[row, :length])
        assert float(sums[row]) == pytest.approx(float(torch.tensor(list(every.values())).logsumexp(0)), abs=1e-4)
        assert tuple(best[row, :length].tolist()) == max(every, key=every.__getitem__)


def test_the_loss_is_the_negative_log_probability_and_sums_over_unknown_tags():
    crf, scores, mask = field()
    target = torch.tensor([[0, 2, 1, 1], [2, -1, -1, -1], [1, -1, 0, -1]])
    losses = crf.loss(scores, mask, target)
    for row, length in enumerate(LENGTHS):
        every = scores_of_all(crf, scores[row, :length])
        fits = [s for tags, s in every.items() if all(w in (-1, t) for t, w in zip(tags, target[row].tolist()))]
        wanted = torch.tensor(list(every.values())).logsumexp(0) - torch.tensor(fits).logsumexp(0)
        assert float(losses[row]) == pytest.approx(float(wanted), abs=1e-4)
    losses.sum().backward()
    assert all(torch.isfinite(weight.grad).all() for weight in crf.parameters())


@pytest.mark.parametrize("crf", [False, True])
def test_padding_and_unknown_tags_add_nothing(crf):
    torch.manual_seed(0)
    head = Tags(5, {"classes": ["A", "B"]}, crf=crf)
    x, target = torch.randn(2, 4, 5), torch.tensor([[0, 1, 1, 2], [1, 0, -1, -1]])  # 2 is not one of the classes
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    total, count = head.loss(Stream(x, mask), target)
    assert count == 5 == head.count(target)
    wide = Stream(torch.nn.functional.pad(x, (0, 0, 0, 3)), torch.nn.functional.pad(mask, (0, 3)))
    assert torch.allclose(head.loss(wide, target)[0], total, atol=1e-5)
    ids = head.predict(wide)["ids"]
    assert (ids[:, :4][~mask] == -1).all() and (ids[:, 4:] == -1).all() and (ids[:, :4][mask] >= 0).all()


def sentences(count: int = 120) -> list[dict]:
    random = torch.Generator().manual_seed(0)
    words = ["go", "Ann", "Bob", "see", "Lee"]
    rows = []
    for _ in range(count):
        text = [
            words[i] for i in torch.randint(5, (int(torch.randint(2, 7, (1,), generator=random)),), generator=random)
        ]
        tags = ["O" if w in ("go", "see") else "I-PER" if i and text[i - 1] in words[1:3] + ["Lee"] else "B-PER"
                for i, w in enumerate(text)]  # fmt: skip
        rows.append({"text": text, "tags": tags})
    return rows


@pytest.mark.parametrize("as_text", [False, True])
def test_a_tagger_gives_a_tag_for_each_token(as_text, tmp_path):
    rows = sentences()
    if as_text:
        rows = [{name: " ".join(cell) for name, cell in row.items()} for row in rows]
    recipe = {
        "data": rows,
        "target": "tags",
        "columns": {"text": {"kind": "text", "tokenizer": "words"}},
        "model": {
            "encoders": {"text": {"kind": "rnn", "hidden": 16}},
            "heads": {"tags": {"kind": "tags", "crf": True}},
        },
        "train": {"epochs": 10, "lr": 0.02, "speed": "fixed"},
    }
    run = mw.train(recipe, out=tmp_path / "run")
    assert run.metrics["test"]["tags"]["f1"] > 0.95
    again = mw.Run.load(tmp_path / "run").predict(rows[:5])["tags"].to_pylist()
    assert [len(found.split() if as_text else found) for found in again] == [
        len(row["tags"].split() if as_text else row["tags"]) for row in rows[:5]
    ]
    assert "Entities" in (tmp_path / "run" / "report.html").read_text()


def test_a_row_with_another_number_of_tags_is_named():
    rows = sentences()
    rows[17]["tags"] = rows[17]["tags"][:-1]
    with pytest.raises(DataError, match=rf"row 17: 'text' has {len(rows[17]['text'])} tokens and 'tags'"):
        mw.train({"data": rows, "target": "tags", "columns": {"text": {"kind": "text"}, "tags": {"kind": "tags"}}})
