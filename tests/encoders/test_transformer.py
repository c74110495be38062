"""Transformer encoders on words, features and patches."""

from __future__ import annotations

import pytest
import torch

from modelwright.blocks.stream import Source
from modelwright.checks import check_encoder
from modelwright.encoders.transformer import Transformer

NOTE = Source("note", "text", {"vocabulary": 20, "length": 4})


@pytest.mark.parametrize("positions", ["rotary", "learned", "sinusoidal"])
@pytest.mark.parametrize("pool", ["mean", "first", "attention", "none"])
def test_contract_with_options(positions, pool):
    check_encoder(Transformer, positions=positions, pool=pool, width=8, heads=2, layers=1, patch=3)


@pytest.mark.parametrize("positions", ["rotary", "learned", "sinusoidal"])
def test_order_of_words_matters_and_longer_texts_than_in_training_pass(positions):
    torch.manual_seed(0)
    encoder = Transformer(NOTE, width=8, heads=2, positions=positions).eval()
    one, other = (encoder({"note": torch.tensor([ids])}).x.mean(1) for ids in ([3, 5, 7], [7, 5, 3]))
    assert not torch.allclose(one, other, atol=1e-4)
    assert encoder({"note": torch.randint(1, 20, (2, 50))}).x.isfinite().all()


def test_order_of_features_does_not_matter_but_their_identity_does():
    torch.manual_seed(0)
    encoder = Transformer(Source("table", "table", {"number": 3}), width=8, heads=2).eval()
    found = encoder({"number": torch.tensor([[1.0, 2.0, 3.0], [2.0, 1.0, 3.0]])}).x.mean(1)
    assert encoder.length == 3 and not torch.allclose(found[0], found[1], atol=1e-4)


def test_class_token_is_first_and_never_padding():
    encoder = Transformer(NOTE, width=8, heads=2, pool="first").eval()
    ids = torch.tensor([[3, 5, 0], [0, 0, 0]])
    stream = encoder({"note": ids, "note.mask": ids > 0})
    assert stream.x.shape == (2, 4, 8) and stream.mask[:, 0].all() and stream.x[:, 0].isfinite().all()
    assert Transformer(Source("table", "table", {"number": 3}), width=8, pool="first").length == 4
