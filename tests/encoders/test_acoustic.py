"""Sound of different length through every body: steps, masks, padding, masks in training."""

from __future__ import annotations

import pytest
import torch

from modelwright import checks
from modelwright.blocks.stream import Source
from modelwright.encoders.acoustic import Acoustic

SOURCE = Source("sound", "audio", {"rate": 8000, "length": 4000, "reach": 32767.0})
BODIES = ("cnn", "rnn", "transformer")


def batch(lengths=(4000, 2777, 80, 1)):
    samples = torch.randint(-9000, 9000, (len(lengths), max(lengths)), generator=torch.Generator().manual_seed(0))
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    return {"sound": samples.to(torch.int16), "sound.mask": mask}


def built(**options):
    torch.manual_seed(0)
    return Acoustic(SOURCE, **options)


@pytest.mark.parametrize("body", BODIES)
def test_the_contract_holds_for_every_body(body):
    assert len(checks.check_encoder(Acoustic, body=body)) >= 11


@pytest.mark.parametrize("body", BODIES)
def test_padding_changes_no_step(body):
    encoder, whole = built(body=body).eval(), batch()
    stream = encoder(whole)
    assert stream.mask.sum(1).tolist() == [13, 9, 1, 1]  # frames 51, 35, 2, 1: halved twice, rounded up
    for row, length in enumerate((4000, 2777, 80, 1)):
        alone = encoder({key: value[row : row + 1, :length] for key, value in whole.items()})
        steps = int(alone.mask.sum())
        assert (alone.x[0, :steps] - stream.x[row, :steps]).abs().max() < 1e-4  # rounding


@pytest.mark.parametrize("body", BODIES)
def test_padding_changes_nothing_in_training_either(body):
    encoder, whole = built(body=body, masks=0, dropout=0.0).train(), batch((4000, 2777))
    alone = encoder({key: value[1:, :2777] for key, value in whole.items()})
    assert (alone.x[0] - encoder(whole).x[1, : alone.x.shape[1]]).abs().max() < 1e-4  # rounding


def test_hiding_draws_from_torchs_generator():
    encoder, rows = built(dropout=0.0).train(), batch()
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(encoder(rows).x.detach())
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])


def test_each_convolution_halves_the_steps():
    lengths = [built(subsample=(8,) * count).eval()(batch()).mask.sum(1).tolist()[0] for count in (1, 2, 3)]
    assert lengths == [26, 13, 7]


@pytest.mark.parametrize("body", BODIES)
def test_the_blocks_between_begin_and_end_are_the_forward_pass(body):
    encoder = built(body=body).eval()
    x, mask = encoder.begin(batch())
    for block in encoder.blocks:
        x, mask = block(x, mask)
    assert torch.equal(encoder.end(x, mask).x, encoder(batch()).x)
