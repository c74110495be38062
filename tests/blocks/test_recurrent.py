"""Our padding-proof layers against torch's own on packed sequences."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from modelwright.blocks.recurrent import Recurrent

CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


@pytest.mark.parametrize("two_directions", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("cell", CELLS)
def test_equals_packed_sequences(cell, layers, two_directions):
    torch.manual_seed(0)
    ours = Recurrent(cell, 4, 5, layers, two_directions=two_directions)
    theirs = CELLS[cell](4, 5, layers, batch_first=True, bidirectional=two_directions)
    for number in range(layers):
        for suffix, direction in (("", ours.rightward), ("_reverse", ours.leftward)):
            for name, weight in direction[number].named_parameters() if len(direction) else ():
                getattr(theirs, name.replace("l0", f"l{number}{suffix}")).data.copy_(weight)
    lengths = torch.tensor([7, 3, 1])
    x, mask = torch.randn(3, 7, 4), torch.arange(7) < lengths[:, None]
    packed = pack_padded_sequence(x, lengths, batch_first=True)
    expected, _ = pad_packed_sequence(theirs(packed)[0], batch_first=True)
    assert torch.allclose(ours(x, mask) * mask.unsqueeze(-1), expected, atol=1e-6)
    assert torch.allclose(ours(x), theirs(x)[0], atol=1e-6)


def test_starts_orthogonal_with_an_open_forget_gate():
    layer = Recurrent("lstm", 4, 5).rightward[0]
    for gate in layer.weight_hh_l0.split(5):
        assert torch.allclose(gate @ gate.T, torch.eye(5), atol=1e-5)
    bias = layer.bias_ih_l0 + layer.bias_hh_l0
    assert torch.equal(bias, torch.tensor([0.0, 1.0, 0.0, 0.0]).repeat_interleave(5))


def test_dropout_stands_between_layers_only():
    torch.manual_seed(0)
    x = torch.randn(2, 3, 4)
    one = Recurrent("gru", 4, 5, dropout=0.9)
    assert torch.equal(one(x), one(x))
    two = Recurrent("gru", 4, 5, 2, dropout=0.9)
    assert not torch.equal(two(x), two(x)) and torch.equal(two.eval()(x), two(x))
