"""Tables in which some tokens stand for several."""

from __future__ import annotations

import torch

from modelwright.blocks.inputs import Flat, Steps
from modelwright.blocks.letters import Letters, token_table
from modelwright.blocks.stream import Source

SETS = [[1, [2, 3, 4, 5]], [6, [2, 4]]]  # any letter, and one of two
SIZES = {"vocabulary": 7, "length": 4, "sets": SETS, "sites": [0, 2]}


def test_a_code_is_embedded_as_the_mean_of_its_letters():
    torch.manual_seed(0)
    table = token_table(SIZES, 3)
    assert isinstance(table, Letters)
    found = table(torch.tensor([6, 2, 4, 1, 0]))
    assert torch.allclose(found[0], (found[1] + found[2]) / 2)
    assert torch.allclose(found[3], table.weight[2:6].mean(0))
    assert not found[4].any()
    assert not isinstance(token_table({"vocabulary": 7}, 3), Letters)


def test_the_gradient_of_a_code_goes_to_its_letters():
    table = token_table(SIZES, 2)
    table(torch.tensor([6])).sum().backward()
    assert table.weight.grad[[2, 4]].tolist() == [[0.5, 0.5]] * 2
    assert not table.weight.grad[[0, 1, 3, 5, 6]].any()


def test_places_are_one_hot_where_rows_differ():
    flat = Flat(Source("s", "text", SIZES))
    ids = torch.tensor([[2, 3, 6, 5], [5, 2, 0, 0]])
    found = flat({"s": ids, "s.mask": torch.tensor([[True] * 4, [True, True, False, False]])})
    assert flat.width == 8
    assert found.tolist() == [[1, 0, 0, 0, 0.5, 0, 0.5, 0], [0, 0, 0, 1, 0, 0, 0, 0]]


def test_pairs_of_neighbours_are_one_hot_too():
    flat = Flat(Source("s", "text", {**SIZES, "sites": [0]}), kmer=2)  # the one pair in which rows differ
    found = flat({"s": torch.tensor([[2, 3, 2, 2], [6, 5, 2, 2], [4, 0, 0, 0]])}).view(3, 4, 4)
    assert flat.width == 16
    expected = torch.zeros(3, 4, 4)
    expected[0, 0, 1] = 1
    expected[1, 0, 3] = expected[1, 2, 3] = 0.5  # either letter, with the one that follows
    assert torch.equal(found, expected)
    whole = Flat(Source("s", "text", {**SIZES, "sites": [1, 2]}), kmer=3)
    assert whole.width == 2 * 4**3 and whole({"s": torch.tensor([[2, 3, 4, 5]])}).sum() == 2


def test_aligned_rows_have_one_length_whatever_the_batch_has():
    steps = Steps(Source("s", "text", SIZES), embedding=3)
    for width in (2, 4, 6):
        x, mask = steps({"s": torch.full((1, width), 2)})
        assert x.shape == (1, 4, 3) and mask.sum() == min(width, 4)
    assert steps.length == 4
