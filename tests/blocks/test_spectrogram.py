"""The log-mel frames against a plain reference, and masks over them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modelwright.blocks.spectrogram import LogMel, SpecAugment, hertz, mels
from modelwright.errors import UserError


def reference(samples: np.ndarray, rate: int, size: int, window: int, hop: int, bands: int) -> np.ndarray:
    """(T, bands): what `librosa.feature.melspectrogram` computes with its defaults, frame by frame in float64."""
    hann = np.zeros(size)  # shorter windows stand in the middle of the transform
    hann[(size - window) // 2 :][:window] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    wide = np.pad(samples.astype(np.float64), size // 2)
    starts = range(0, len(wide) - size + 1, hop)
    power = np.array([np.abs(np.fft.rfft(wide[start : start + size] * hann)) ** 2 for start in starts])
    corners = [slaney_hertz(mel) for mel in np.linspace(0, slaney_mel(rate / 2), bands + 2)]
    triangles = np.zeros((bands, size // 2 + 1))
    for band in range(bands):
        low, peak, high = corners[band : band + 3]
        for place in range(size // 2 + 1):
            frequency = place * rate / size
            height = max(0.0, min((frequency - low) / (peak - low), (high - frequency) / (high - peak)))
            triangles[band, place] = height * 2 / (high - low)
    return np.log(np.maximum(power @ triangles.T, 1e-10))


def slaney_mel(frequency: float) -> float:
    return frequency * 3 / 200 if frequency < 1000 else 15 + 27 * np.log(frequency / 1000) / np.log(6.4)


def slaney_hertz(mel: float) -> float:
    return mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27)


@pytest.mark.parametrize(
    ("rate", "window", "size", "hop", "bands"), [(8000, 200, 256, 80, 40), (16000, 400, 512, 160, 80)]
)
def test_the_frames_equal_the_reference(rate, window, size, hop, bands):
    random = np.random.default_rng(0)
    samples = 0.3 * np.sin(np.arange(rate) * 0.3) + 0.1 * random.standard_normal(rate)
    module = LogMel(rate, bands=bands, window=window, hop=hop)
    found = module.energies(torch.from_numpy(samples).float()[None])[0].numpy()
    wanted = reference(samples, rate, size, window, hop, bands)
    assert found.shape == wanted.shape == (1 + rate // hop, bands)
    assert np.abs(found - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_mels_and_hertz_are_inverse():
    frequencies = np.array([0.0, 60, 999, 1000, 1001, 4000, 20000])
    assert np.allclose(hertz(mels(frequencies)), frequencies)
    assert mels(1000.0) == pytest.approx(15) and mels(6400.0) == pytest.approx(42)


@pytest.mark.parametrize("whole", [True, False])
def test_an_utterance_is_standardised_over_its_own_frames(whole):
    samples = torch.randint(-9000, 9000, (2, 4000), generator=torch.Generator().manual_seed(0)).to(torch.int16)
    mask = torch.arange(4000) < torch.tensor([[4000], [1730]])
    x, frames = LogMel(8000, bands=40, window=200, hop=80, whole=whole)(samples, mask)
    assert frames.sum(1).tolist() == [51, 22]
    for row, length in zip(x, (51, 22)):
        axes = (0, 1) if whole else (0,)
        assert row[:length].mean(axes).abs().max() < 1e-4 and (row[:length].std(axes) - 1).abs().max() < 0.03
        assert not row[length:].any()
    louder, _ = LogMel(8000, bands=40, window=200, hop=80, whole=whole)((samples * 3).to(torch.int16), mask)
    assert (louder - x).abs().max() < 0.05  # how loud somebody speaks does not matter


def test_silence_is_zeros():
    x, frames = LogMel(8000, bands=40, window=200, hop=80)(torch.zeros(1, 1), torch.ones(1, 1, dtype=torch.bool))
    assert x.shape == (1, 1, 40) and not x.any() and frames.all()


def test_too_many_bands_are_refused():
    with pytest.raises(UserError, match=r"300 bands are too many: \d+ of them have no frequency of their own"):
        LogMel(8000, bands=300, window=200, hop=80)


def test_stretches_of_time_and_bands_are_hidden_in_training_alone():
    x, mask = torch.ones(200, 50, 40), torch.arange(50) < torch.arange(1, 201).clamp(max=50)[:, None]
    module = SpecAugment(2, time=0.2, bands=6)
    torch.manual_seed(0)
    hidden = module(x, mask) == 0
    torch.manual_seed(0)
    assert torch.equal(module(x, mask) == 0, hidden)
    assert not torch.equal(module(x, mask) == 0, hidden)
    times, bands = hidden.all(2).sum(1), hidden.all(1).sum(1)
    lengths = mask.sum(1)
    assert (times <= 2 * (0.2 * lengths).floor()).all() and times.max() == 20  # never the whole of a short row
    assert bands.max() in (11, 12) and bands.min() == 0
    assert torch.equal(hidden, hidden.all(2)[:, :, None] | hidden.all(1)[:, None, :])
    assert torch.equal(module.eval()(x, mask), x)
    assert torch.equal(SpecAugment(0, time=0.2, bands=6)(x, mask), x)
