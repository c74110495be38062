"""What a batch looks like to an encoder."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modelwright.blocks.inputs import CategoryTable, Flat, Picture, Steps, Tokens, embedding_width
from modelwright.blocks.masks import never_empty, read_tokens
from modelwright.blocks.numbers import Periodic, PiecewiseLinear
from modelwright.blocks.stream import Source
from modelwright.errors import UserError

TABLE = Source(
    "table", "table", {"number": 2, "boolean": 1, "category": [3, 5], "edges": [[0.0, 1.0], [0.0, 1.0, 3.0]]}
)
PICTURE = Source(
    "photo", "image", {"height": 5, "width": 6, "channels": 2, "mean": [0.5, 0.1], "deviation": [0.2, 0.4]}
)
TEXT = Source("note", "text", {"vocabulary": 9, "length": 4})
VECTOR = Source("signal", "vector", {"size": 7})


def table_batch() -> dict[str, torch.Tensor]:
    return {
        "number": torch.tensor([[1.0, 2.0], [3.0, 4.0]]),
        "boolean": torch.tensor([[1.0], [-1.0]]),
        "category": torch.tensor([[0, 4], [2, 0]], dtype=torch.int32),
    }


def test_categories_have_rows_of_their_own_in_one_table():
    table = CategoryTable([3, 5], width=4)
    found = table(torch.tensor([[2, 0], [0, 4]], dtype=torch.int32))
    expected = table.table.weight[torch.tensor([[2, 3], [0, 7]])]
    assert torch.equal(found, expected) and len(list(table.parameters())) == 1


def test_embedding_widths():
    assert embedding_width(2) == 2 and embedding_width(100) == 21 and embedding_width(10**6) == 50


def test_flat_table_is_floats_then_embeddings():
    flat = Flat(TABLE)
    x = flat(table_batch())
    assert x.shape == (2, flat.width) and flat.width == 3 + 2 * flat.categories.width
    assert torch.equal(x[:, :3], torch.tensor([[1.0, 2, 1], [3, 4, -1]]))


@pytest.mark.parametrize("numbers", ["piecewise", "periodic"])
def test_spread_numbers_keep_the_values(numbers):
    flat = Flat(TABLE, numbers=numbers)
    x = flat(table_batch())
    assert x.shape == (2, flat.width) and torch.equal(x[:, :2], table_batch()["number"])


def test_picture_is_normalised_and_channels_last():
    pixels = torch.randint(0, 256, (3, 5, 6, 2), dtype=torch.uint8)
    found = Picture(PICTURE)({"photo": pixels})
    expected = (pixels.numpy() / 255 - np.array([0.5, 0.1])) / np.array([0.2, 0.4])
    np.testing.assert_allclose(found.permute(0, 2, 3, 1), expected, rtol=1e-4, atol=1e-5)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(Flat(PICTURE)({"photo": pixels}), found.permute(0, 2, 3, 1).reshape(3, -1))
    steps, mask = Steps(PICTURE, embedding=1)({"photo": pixels})
    assert steps.shape == (3, 5, 12) and mask is None and torch.equal(steps[0, 1, 2:4], found[0, :, 1, 1])


def test_a_constant_picture_is_finite():
    black = Source("photo", "image", {"height": 1, "width": 1, "channels": 1, "mean": [0.0], "deviation": [0.0]})
    assert Picture(black)({"photo": torch.zeros(1, 1, 1, 1, dtype=torch.uint8)}).isfinite().all()


def test_vectors():
    batch = {"signal": torch.arange(14.0, dtype=torch.float64).view(2, 7)}
    assert torch.equal(Flat(VECTOR)(batch), batch["signal"].float())
    assert Steps(VECTOR, embedding=1)(batch)[0].shape == (2, 7, 1)


def test_tokens_of_a_table_are_values_times_weights():
    torch.manual_seed(0)
    tokens, batch = Tokens(TABLE, width=4, patch=1), table_batch()
    x, mask = tokens(batch)
    assert x.shape == (2, 5, 4) and mask is None and tokens.length == 5
    assert torch.allclose(x[1, 1], 4.0 * tokens.weight[1] + tokens.bias[1])
    assert torch.equal(x[1, 3], tokens.categories.table.weight[2])


def test_tokens_of_a_picture_are_patches_with_a_margin():
    torch.manual_seed(0)
    tokens = Tokens(PICTURE, width=4, patch=4)
    pixels = torch.randint(0, 256, (1, 5, 6, 2), dtype=torch.uint8)
    x, _ = tokens({"photo": pixels})
    assert x.shape == (1, 4, 4) and tokens.length == 4
    corner = Picture(PICTURE)({"photo": pixels})[..., :4, :4]
    expected = (corner * tokens.patch.weight).sum((1, 2, 3)) + tokens.patch.bias + tokens.positions[0]
    assert torch.allclose(x[0, 0], expected, atol=1e-5)


def test_texts_without_a_mask_and_without_a_token():
    ids, mask = read_tokens({"note": torch.tensor([[3, 0]])}, "note")
    assert mask.tolist() == [[True, False]]
    ids, mask = read_tokens(
        {"note": torch.zeros(2, 0, dtype=torch.int32), "note.mask": torch.zeros(2, 0).bool()}, "note"
    )
    assert ids.shape == mask.shape == (2, 1) and not mask.any()
    assert never_empty(torch.tensor([[False, False], [False, True]])).tolist() == [[True, False], [False, True]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Flat(TEXT), "model.encoders.note: a flat encoder cannot read text. Choose bag"),
        (lambda: Steps(TABLE, embedding=2), "a sequence encoder cannot read table. Choose mlp"),
        (lambda: Tokens(VECTOR, width=2, patch=1), "a transformer cannot read vector"),
    ],
)
def test_sources_that_cannot_be_read(make, message):
    with pytest.raises(UserError) as caught:
        make()
    assert message in str(caught.value)


def test_piecewise_embedding_follows_its_edges():
    torch.manual_seed(0)
    layer = PiecewiseLinear(3, edges=[[0.0, 1.0, 3.0], [0.0, 1.0], [5.0]], width=4)
    x = torch.tensor([[2.0, 0.25, 7.0], [-1.0, 4.0, 0.0]])
    passed = np.array([[[1, 0.5], [0.25, 0], [0, 0]], [[-1, 0], [4, 0], [0, 0]]])  # the outer intervals are open
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    expected = np.maximum(np.einsum("bni,niw->bnw", passed, weight) + bias, 0)
    found = layer(x).detach()
    assert torch.equal(found[:, :3], x)
    np.testing.assert_allclose(found[:, 3:].view(2, 3, 4), expected, atol=1e-5)


def test_periodic_embedding_is_sines_and_cosines():
    torch.manual_seed(0)
    layer, x = Periodic(2, frequencies=3, width=4), torch.tensor([[0.3, -1.2]])
    angles = 2 * np.pi * layer.frequencies.detach().numpy() * np.array([[0.3], [-1.2]])
    waves = np.concatenate([np.sin(angles), np.cos(angles)], 1)
    expected = np.einsum("ni,niw->nw", waves, layer.weight.detach().numpy()) + layer.bias.detach().numpy()
    np.testing.assert_allclose(layer(x).detach()[0, 2:].view(2, 4), np.maximum(expected, 0), atol=1e-5)
