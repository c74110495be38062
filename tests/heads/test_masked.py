"""Masked pretraining: what is hidden, when it is drawn anew, and that a classifier begins with what was learned."""

from __future__ import annotations

import pytest
import torch

import modelwright as mw
from modelwright.blocks.stream import Source, Stream
from modelwright.errors import UserError
from modelwright.heads.masked import HIDDEN, Masked

SOURCE = Source("text", "text", {"vocabulary": 50, "length": 40})


def head(**options) -> Masked:
    torch.manual_seed(0)
    return Masked(8, {"source": SOURCE}, **options)


def batch(rows: int = 400, length: int = 40) -> dict[str, torch.Tensor]:
    ids = torch.randint(2, 50, (rows, length), dtype=torch.int32, generator=torch.Generator().manual_seed(1))
    mask = torch.arange(length) < torch.randint(1, length + 1, (rows, 1), generator=torch.Generator().manual_seed(2))
    return {"text": ids * mask, "text.mask": mask}


def test_chosen_tokens_are_hidden_changed_or_kept_in_their_shares():
    module, given = head(share=0.15), batch()
    seen, target, mask = module.corrupted(given)["text"], module.target_of(given), given["text.mask"]
    chosen = target >= 0
    assert not (chosen & ~mask).any() and chosen.any(1).all()
    assert torch.equal(target[chosen].int(), given["text"][chosen])
    assert torch.equal(seen[~chosen], given["text"][~chosen]), "what is not chosen stays"
    assert float(chosen.sum() / mask.sum()) == pytest.approx(0.17, abs=0.03)  # short texts have one at least
    hidden = float((seen[chosen] == HIDDEN).float().mean())
    kept = float((seen[chosen] == given["text"][chosen]).float().mean())
    assert hidden == pytest.approx(0.8, abs=0.03) and kept == pytest.approx(0.1, abs=0.03)


def test_draws_follow_the_step_in_training_and_stay_in_evaluation():
    module, given = head().train(), batch(20)
    torch.manual_seed(5)
    first = module.target_of(given)
    torch.rand(3)
    assert torch.equal(module.target_of(given), first), "within a step the draws are the same"
    torch.manual_seed(6)
    assert not torch.equal(module.target_of(given), first)
    evaluated = module.eval().target_of(given)
    torch.manual_seed(7)
    assert torch.equal(module.target_of(given), evaluated)


def test_nats_are_the_loss_by_row():
    module, target = head(), torch.tensor([[3, -1, 4], [-1, 5, -1]])
    stream = Stream(torch.randn(2, 3, 8))
    total, count = module.loss(stream, target)
    assert count == 3 == module.count(target)
    assert torch.allclose(module.nats(stream, target).sum(), total, rtol=1e-5)


def test_an_encoder_that_changes_the_steps_is_refused():
    with pytest.raises(UserError, match="gives 4 steps for 3 tokens"):
        head().loss(Stream(torch.randn(2, 4, 8)), torch.zeros(2, 3, dtype=torch.long))


def test_a_classifier_begins_with_what_was_learned(tmp_path):
    rows = [
        {"text": f"{a} {b} {a} {b}", "label": "x" if a == "red" else "y"} for a in ("red", "blue") for b in "abcdefgh"
    ]
    encoder = {"text": {"kind": "transformer", "width": 16, "layers": 1, "dropout": 0.0}}
    text = {"kind": "text", "tokenizer": "words", "min_frequency": 1}
    pretraining = {
        "data": rows * 8,
        "columns": {"label": {"kind": "drop"}, "text": text},
        "targets": {"text": {"head": "masked"}},
        "model": {"encoders": encoder},
        "train": {"epochs": 12, "batch": 16, "lr": 0.01, "speed": "fixed"},
    }
    run = mw.train(pretraining, out=tmp_path / "pretrained")
    history = [record["validation_loss"] for record in run_history(tmp_path / "pretrained")]
    assert history[-1] < 0.7 * history[0]
    classifier = {
        "data": rows * 8,
        "target": "label",
        "columns": {"text": text},
        "model": {"encoders": encoder, "from": str(tmp_path / "pretrained")},
        "train": {"epochs": 1, "batch": 16, "lr": 1e-9, "speed": "fixed"},
        "baselines": False,
    }
    found = mw.train(classifier).model.state_dict()
    for name, value in run.model.state_dict().items():
        if name.startswith("encoders."):
            assert torch.allclose(found[name], value, atol=1e-5)


def run_history(path):
    import json

    return [json.loads(line) for line in (path / "history.jsonl").read_text().splitlines()]
