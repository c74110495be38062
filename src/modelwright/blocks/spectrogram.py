"""Samples of sound -> log energies of mel bands, and masks over them for training. Knows nothing of files or columns.

The scale is Slaney's (1998): linear up to 1,000 Hz, logarithmic above; each band is a triangle of area 1 over its
frequencies. With that, |STFT|^2 (Hann window, centred frames, zeros beyond the ends) gives the same
numbers as `librosa.feature.melspectrogram`.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import UserError

FULL = 32768  # full scale of 16 bits
FLOOR = 1e-10  # of energies, about the noise that 16 bits have
KINK, BELOW, ABOVE = 1000.0, 200 / 3, math.log(6.4) / 27  # hertz; hertz a mel below; log steps a mel above


def mels(hertz: np.ndarray | float) -> np.ndarray:
    """Hertz -> mel (Slaney 1998)."""
    hertz = np.asarray(hertz, np.float64)
    above = KINK / BELOW + np.log(np.maximum(hertz, KINK) / KINK) / ABOVE
    return np.where(hertz < KINK, hertz / BELOW, above)


def hertz(mel: np.ndarray | float) -> np.ndarray:
    """The inverse of `mels`."""
    mel = np.asarray(mel, np.float64)
    return np.where(mel < KINK / BELOW, mel * BELOW, KINK * np.exp(ABOVE * (mel - KINK / BELOW)))


def filters(rate: int, size: int, bands: int) -> np.ndarray:
    """(bands, size / 2 + 1): triangles over the frequencies of a transform of `size` samples, from 0 to half the rate."""
    corners = hertz(np.linspace(0, mels(rate / 2), bands + 2))
    places = np.fft.rfftfreq(size, 1 / rate)
    rising = (places - corners[:-2, None]) / np.diff(corners)[:-1, None]
    falling = (corners[2:, None] - places) / np.diff(corners)[1:, None]
    return np.maximum(0, np.minimum(rising, falling)) * (2 / (corners[2:] - corners[:-2]))[:, None]


class LogMel(nn.Module):
    """int16 (B, N) samples and mask (B, N) -> (B, T, bands) log energies of mel bands, and mask (B, T), T = 1 + N // hop.

    window, hop: in samples; the transform has the next power of two. Each utterance is standardised over its own frames,
    band by band, or with `whole` over all bands at once; silence becomes zeros. Padding changes nothing.
    """

    def __init__(self, rate: int, *, bands: int, window: int, hop: int, whole: bool = False) -> None:
        super().__init__()
        self.size, self.hop, self.bands, self.whole = 2 ** math.ceil(math.log2(window)), hop, bands, whole
        weights = filters(rate, self.size, bands)
        if empty := int((weights.max(1) == 0).sum()):
            message = f"{bands} bands are too many: {empty} of them have no frequency of their own."
            raise UserError(message, hint="Use fewer bands, or a longer window.")
        self.register_buffer("filters", torch.from_numpy(weights).float(), persistent=False)
        self.register_buffer("window", torch.hann_window(window), persistent=False)
        self.filters: Tensor
        self.window: Tensor

    def energies(self, samples: Tensor) -> Tensor:
        """(B, N) float samples, full scale at 1 -> (B, T, bands) log energies, not standardised."""
        found = torch.stft(
            samples, self.size, self.hop, len(self.window), self.window, pad_mode="constant", return_complex=True
        )
        power = found.real.square() + found.imag.square()  # (B, F, T)
        return (self.filters @ power).clamp(min=FLOOR).log().transpose(1, 2)

    def spread(self, places: Tensor) -> Tensor:
        """(R, N) what belongs to each sample -> (R, T * bands), to each number of the output: that of a frame's middle."""
        middle = torch.arange(1 + places.shape[1] // self.hop, device=places.device) * self.hop - 1
        return places[:, middle.clamp(min=0)].repeat_interleave(self.bands, 1)

    def forward(self, samples: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast(samples.device.type, enabled=False):
            x = self.energies(samples.float() * mask / FULL)
            frames = torch.arange(x.shape[1], device=x.device) <= (mask.sum(1, keepdim=True) // self.hop)
            here, over = frames.unsqueeze(-1), (1, 2) if self.whole else (1,)
            count = here.sum(1, keepdim=True) * (self.bands if self.whole else 1)
            mean = (x * here).sum(over, keepdim=True) / count
            centred = (x - mean) * here
            spread = (centred.square().sum(over, keepdim=True) / count).sqrt()
            return centred / (spread + 1e-3), frames


class SpecAugment(nn.Module):
    """While training, `masks` stretches of time and as many of bands become 0, their mean, in every row (Park 2019).

    time: longest stretch as a share of the row's frames. bands: widest one. Drawn from torch's generator.
    """

    def __init__(self, masks: int, *, time: float, bands: int) -> None:
        super().__init__()
        self.masks, self.time, self.bands = masks, time, bands

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        if not self.training or not self.masks:
            return x
        frames = mask.sum(1, keepdim=True)
        hidden = self._stretches(frames, self.time * frames, x.shape[1])[:, :, None]
        bands = torch.full_like(frames, x.shape[2])
        hidden = hidden | self._stretches(bands, torch.full_like(frames, self.bands), x.shape[2])[:, None, :]
        return x.masked_fill(hidden, 0.0)

    def _stretches(self, size: Tensor, longest: Tensor, places: int) -> Tensor:
        """(B, places): where one of the row's stretches lies; each has any length up to `longest` (B, 1)."""
        drawn = torch.rand(2, len(size), self.masks, device=size.device)
        length = (drawn[0] * (longest.floor() + 1)).floor()
        start = (drawn[1] * (size - length + 1).clamp(min=0)).floor()
        place = torch.arange(places, device=size.device)[None, :, None]
        return ((place >= start[:, None]) & (place < (start + length)[:, None])).any(2)


@torch.no_grad()
def stretches(samples: np.ndarray, rate: int, count: int, bands: int) -> np.ndarray:
    """(count, bands) log energies of int16 (n,) samples, averaged over stretches of equal length. Frames of 25 ms, 10 ms
    apart."""
    module = _logmel(rate, bands)
    found = module.energies(torch.from_numpy(samples.astype(np.float32) / FULL)[None]).transpose(1, 2)
    return F.adaptive_avg_pool1d(found, count)[0].T.numpy()


@cache
def _logmel(rate: int, bands: int) -> LogMel:
    return LogMel(rate, bands=bands, window=rate // 40, hop=rate // 100)
