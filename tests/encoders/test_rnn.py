"""Recurrent encoders: the last real token, both directions, pictures as rows."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from modelwright.blocks.pooling import Pool
from modelwright.blocks.stream import Source
from modelwright.checks import check_encoder
from modelwright.encoders.rnn import Rnn
from modelwright.models.assembled import Assembled

NOTE = Source("note", "text", {"vocabulary": 20, "length": 6})


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("pool", ["last", "mean"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_contract_with_options(cell, pool, bidirectional):
    check_encoder(Rnn, cell=cell, pool=pool, bidirectional=bidirectional, hidden=8, layers=2, dropout=0.1)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_last_is_the_final_state_of_both_directions(cell):
    torch.manual_seed(0)
    encoder = Rnn(NOTE, cell=cell, hidden=4, bidirectional=True, embedding=5)
    pool = Pool("last", encoder.width, None, backward=encoder.backward)
    ids = torch.tensor([[3, 5, 7, 0, 0, 0]])
    found = pool(encoder({"note": ids, "note.mask": ids > 0})).x[0, 0]
    theirs = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[cell](5, 4, batch_first=True, bidirectional=True)
    own = [*encoder.layers.rightward.parameters(), *encoder.layers.leftward.parameters()]
    for weight, copied in zip(theirs.parameters(), own):
        weight.data.copy_(copied)
    state = theirs(encoder.inputs.table(ids[:, :3]))[1]
    state = state[0] if cell == "lstm" else state
    assert torch.allclose(found, state.flatten(), atol=1e-6)


def test_article_003s_net():
    """Embedding of 1000 words in 64 numbers, LSTM(64), dense 10; torch has two biases where Keras has one."""
    words = Source("note", "text", {"vocabulary": 1000, "length": 50})
    encoders = {"note": {"kind": "rnn", "cell": "lstm", "hidden": 64, "embedding": 64}}
    model = Assembled([words], {"y": ("category", {"classes": list("0123456789")})}, encoders=encoders)
    assert sum(weight.numel() for weight in model.parameters()) == 97_674 + 4 * 64


def test_a_picture_is_read_row_by_row():
    photo = Source("x", "image", {"height": 5, "width": 4, "channels": 2, "mean": [0.0] * 2, "deviation": [1.0] * 2})
    encoder = Rnn(photo, hidden=3)
    stream = encoder({"x": torch.zeros(2, 5, 4, 2, dtype=torch.uint8)})
    assert stream.x.shape == (2, 5, 3) and encoder.length == 5 and encoder.layers.rightward[0].input_size == 8
