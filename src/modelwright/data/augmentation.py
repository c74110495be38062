"""Random changes of training batches: one function a kind, its keyword-only arguments are the recipe's options.

Functions of pictures take and return uint8 (B, H, W, C) and draw for every row on its own from an explicit generator,
so that step k of an epoch is the same after a resume. Knows nothing of the order of rows.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from .. import parts
from ..blocks.stream import Batch
from ..errors import UserError, did_you_mean
from ..parts import Count, NoneOrMore, Positive, Probability, Share

PADDING, UNKNOWN = 0, 1  # what no word is, and what training has not seen, of all columns that are read as texts

__all__ = [
    "brightness",
    "crop",
    "cutout",
    "flip",
    "mirror",
    "mixup",
    "resize",
    "rotate",
    "shift",
    "word_dropout",
    "zoom",
]


@dataclass(frozen=True)
class Known:
    """What a change must know of a batch: the keys of pictures and of texts, K of each class target, and the value that stands
    for 0 of each target of numbers, which are standardised."""

    images: Sequence[str] = ()
    texts: Sequence[str] = ()
    classes: Mapping[str, int] = field(default_factory=dict)
    zeros: Mapping[str, float] = field(default_factory=dict)


def flip(images: Tensor, random: torch.Generator, *, probability: Probability = 0.5, vertical: bool = False) -> Tensor:
    """Mirror left and right.

    Options:
      probability: how often a picture is mirrored
      vertical: mirror top and bottom instead
    """
    chosen = (torch.rand(len(images), generator=random) < probability).to(images.device)
    return torch.where(chosen[:, None, None, None], images.flip(1 if vertical else 2), images)


def shift(images: Tensor, random: torch.Generator, *, pixels: NoneOrMore = 2) -> Tensor:
    """Move up to `pixels` in each direction; black moves in.

    Options:
      pixels: the furthest move
    """
    return _moved(images, pixels, "zero", random)


def crop(
    images: Tensor, random: torch.Generator, *, padding: NoneOrMore = 4, fill: Literal["reflect", "zero"] = "reflect"
) -> Tensor:
    """Add a border and cut the old size out of it at a random place.

    Options:
      padding: width of the border in pixels
      fill: what the border shows
    """
    return _moved(images, padding, fill, random)


def cutout(images: Tensor, random: torch.Generator, *, size: Count = 8, probability: Probability = 1.0) -> Tensor:
    """Blacken a square at a random place, which may reach over the edge (DeVries and Taylor 2017).

    Options:
      size: side of the square in pixels
      probability: how often a picture gets one
    """
    rows, height, width = images.shape[:3]
    centre = torch.rand(rows, 2, generator=random)
    chosen = torch.rand(rows, generator=random) < probability
    inside = []
    for axis, length in enumerate((height, width)):
        start = (centre[:, axis, None] * length).floor() - size // 2
        place = torch.arange(length)
        inside.append((place >= start) & (place < start + size))
    hole = inside[0][:, :, None] & inside[1][:, None, :] & chosen[:, None, None]
    return images * ~hole[..., None].to(images.device)  # several times faster than masked_fill


def rotate(images: Tensor, random: torch.Generator, *, degrees: float = 10.0) -> Tensor:
    """Turn around the centre by a random angle; the nearest pixel is taken, black fills the corners.

    Options:
      degrees: the largest angle, to either side
    """
    _, height, width, _ = images.shape
    angle = ((torch.rand(len(images), generator=random) * 2 - 1) * math.radians(degrees)).to(images.device)
    y, x = _from_centre(height, images), _from_centre(width, images)
    sine, cosine = angle.sin()[:, None, None], angle.cos()[:, None, None]
    return _taken_from(images, cosine * y[:, None] - sine * x, sine * y[:, None] + cosine * x)


def zoom(images: Tensor, random: torch.Generator, *, share: Share = 0.1) -> Tensor:
    """Enlarge or shrink around the centre by a random factor; the nearest pixel is taken, black fills the edge.

    Options:
      share: the largest change: 0.1 is from 10 % smaller to as many larger
    """
    _, height, width, _ = images.shape
    factor = (1 + share) ** (torch.rand(len(images), 1, 1, generator=random) * 2 - 1).to(images.device)
    return _taken_from(images, _from_centre(height, images)[:, None] / factor, _from_centre(width, images) / factor)


def brightness(images: Tensor, random: torch.Generator, *, shift: Share = 0.1, contrast: Share = 0.2) -> Tensor:
    """Make each picture lighter or darker, and its contrast stronger or weaker.

    Options:
      shift: the largest change of all pixels, as a share of white
      contrast: the largest change of their distance from middle grey, as a share of it
    """
    drawn = (torch.rand(2, len(images), 1, 1, 1, generator=random) * 2 - 1).to(images.device)
    changed = (images.float() - 127.5) * (1 + contrast * drawn[0]) + 127.5 + 255 * shift * drawn[1]
    return changed.round_().clamp_(0, 255).to(torch.uint8)


def resize(images: Tensor, random: torch.Generator, epoch: int = 0, *, size: Count = 24, epochs: Count = 1) -> Tensor:
    """Shrink pictures in the first epochs, where small ones teach as much in less time (Howard 2018).

    The encoder must take pictures of any size: not one that flattens them.

    Options:
      size: the longer side in these epochs, in pixels
      epochs: how many epochs see small pictures
    """
    height, width = images.shape[1:3]
    share = size / max(height, width)
    if epoch >= epochs or share >= 1:
        return images
    small = (max(1, round(height * share)), max(1, round(width * share)))
    channels_first = images.permute(0, 3, 1, 2)  # a view: interpolate knows channels-last
    return nn.functional.interpolate(channels_first, small, mode="bilinear", antialias=True).permute(0, 2, 3, 1)


def mirror(
    batch: Batch, random: torch.Generator, known: Known, *, probability: Probability = 0.5, negate: tuple[str, ...] = ()
) -> Batch:
    """Mirror left and right, and with the pictures of a row the sign of numbers that tell left from right.

    Options:
      probability: how often a row is mirrored
      negate: targets, numbers such as a steering angle, that change their sign
    """
    chosen = torch.rand(len(next(iter(batch.values()))), generator=random) < probability
    mirrored = dict(batch)
    for key in known.images:
        mirrored[key] = torch.where(chosen[:, None, None, None].to(batch[key].device), batch[key].flip(2), batch[key])
    for name in negate:
        value = batch[f"target.{name}"]
        mirrored[f"target.{name}"] = torch.where(chosen.to(value.device), 2 * known.zeros[name] - value, value)
    return mirrored


def mixup(batch: Batch, random: torch.Generator, known: Known, *, alpha: Positive = 0.2) -> Batch:
    """Mix every row with another one, inputs and targets alike (Zhang et al. 2018).

    A target of class codes, (B,) int64, becomes shares (B, K), all zero where either code is missing.

    Options:
      alpha: both parameters of the Beta distribution of the shares; larger mixes more
    """
    for key, values in batch.items():
        if not key.startswith("target.") and (values.dtype in (torch.int32, torch.int64) or key.endswith(".mask")):
            raise UserError(
                f"mixup cannot mix '{key.removesuffix('.mask')}': categories and texts have no values in between.",
                where="train.augment",
                hint="Use it with pictures and numbers.",
            )
    rows = len(next(iter(batch.values())))
    other = torch.randperm(rows, generator=random)
    seed = int(torch.randint(2**62, (1,), generator=random))  # torch's Beta distribution takes no generator
    drawn = np.random.Generator(np.random.Philox(seed)).beta(alpha, alpha, rows).astype(np.float32)
    mixed = {}
    for key, values in batch.items():
        second = values.index_select(0, other.to(values.device))
        share = torch.from_numpy(drawn).to(values.device)
        if key.startswith("target.") and values.dtype == torch.int64 and values.ndim == 1:
            here = (values >= 0) & (second >= 0)
            count = known.classes[key.removeprefix("target.")]
            mixed[key] = torch.lerp(_shares(second, count), _shares(values, count), share[:, None]) * here[:, None]
            continue
        share = share.view(-1, *[1] * (values.ndim - 1))
        if values.dtype == torch.uint8:
            mixed[key] = torch.lerp(second.float(), values.float(), share).round_().to(torch.uint8)
        else:
            mixed[key] = torch.lerp(second, values, share)
    return mixed


def word_dropout(batch: Batch, random: torch.Generator, known: Known, *, share: Share = 0.1) -> Batch:
    """Replace words, items or letters by the unknown one, so that a model leans on no single one and knows what to make of
    those that it has never seen (Iyyer et al. 2015).

    Options:
      share: how often one is replaced
    """
    changed = dict(batch)
    for key in known.texts:
        gone = torch.rand(batch[key].shape, generator=random) < share
        changed[key] = batch[key].masked_fill(gone.to(batch[key].device) & (batch[key] != PADDING), UNKNOWN)
    return changed


def _from_centre(length: int, images: Tensor) -> Tensor:
    return torch.arange(length, device=images.device) - (length - 1) / 2


def _taken_from(images: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Pictures whose pixels come from the places (y, x), counted from the centre and rounded; black from outside."""
    rows, height, width, channels = images.shape
    from_y, from_x = (y + (height - 1) / 2).round().long(), (x + (width - 1) / 2).round().long()
    outside = (from_y < 0) | (from_y >= height) | (from_x < 0) | (from_x >= width)  # (B, H, W)
    flat = from_y.clamp(0, height - 1) * width + from_x.clamp(0, width - 1)
    flat = flat.flatten(1)[..., None].expand(-1, -1, channels)
    return images.reshape(rows, height * width, channels).gather(1, flat).view_as(images) * ~outside[..., None]


def _shares(codes: Tensor, classes: int) -> Tensor:
    """Class codes as rows of 0 and 1; zeros for a missing code."""
    missing = codes < 0
    return torch.nn.functional.one_hot(codes.masked_fill(missing, 0), classes).float().masked_fill(missing[:, None], 0)


def _moved(images: Tensor, furthest: int, fill: str, random: torch.Generator) -> Tensor:
    """Each picture moved by up to `furthest` pixels either way; what moves in is black or the mirrored picture."""
    rows, height, width, channels = images.shape
    if furthest >= min(height, width):
        raise UserError(f"{furthest} pixels are too many for pictures of {height} x {width}.", where="train.augment")
    moves = torch.randint(-furthest, furthest + 1, (rows, 2), generator=random)
    y = torch.arange(height) + moves[:, :1]  # (B, H): the line each line comes from
    x = torch.arange(width) + moves[:, 1:]  # (B, W)
    if fill == "reflect":
        source_y, source_x = _reflected(y, height), _reflected(x, width)
    else:
        source_y, source_x = y.clamp(0, height - 1), x.clamp(0, width - 1)
    lines = torch.arange(rows)[:, None] * height + source_y
    pixels = lines[:, :, None] * width + source_x[:, None, :]  # (B, H, W)
    flat = images.reshape(-1, channels).index_select(0, pixels.flatten().to(images.device))
    moved = flat.view(rows, height, width, channels)
    if fill == "reflect":
        return moved
    inside = (source_y == y)[:, :, None] & (source_x == x)[:, None, :]
    return moved * inside[..., None].to(images.device)


def _reflected(place: Tensor, length: int) -> Tensor:
    """Places beyond an edge mirrored back at it, the edge itself not repeated."""
    place = place.abs()
    return torch.where(place >= length, 2 * (length - 1) - place, place)


class Augmentation:
    """The changes of a recipe in their order; called with a batch, a generator and the number of the epoch."""

    def __init__(self, steps: Sequence[partial], known: Known) -> None:
        self._steps, self._known = steps, known

    def __call__(self, batch: Batch, random: torch.Generator, epoch: int = 0) -> Batch:
        for change in self._steps:
            if _takes(change, "batch"):
                batch = change(batch, random, self._known)
            else:
                when = (epoch,) if _takes(change, "epoch") else ()
                batch = {**batch, **{key: change(batch[key], random, *when) for key in self._known.images}}
        return batch


def _takes(change: partial, parameter: str) -> bool:
    return parameter in inspect.signature(change.func).parameters


def build(
    recipe: Sequence[Any],
    images: Sequence[str],
    classes: Mapping[str, int],
    zeros: Mapping[str, float] | None = None,
    texts: Sequence[str] = (),
) -> Augmentation | None:
    """The changes of a recipe's list, each a kind or `{kind, options}`; None for an empty list.

    images, classes, zeros, texts: see `Known`. Raises UserError for unknown kinds and options, for pictures, texts or targets that
    are not there.
    """
    known = Known(list(images), list(texts), dict(classes), dict(zeros or {}))
    steps = [parts.bind("data.augmentation", config) for config in recipe]
    for place, step in enumerate(steps):
        if step.func is word_dropout and not known.texts:
            raise UserError(
                "word_dropout changes texts, and there is no column of words or items.", where="train.augment"
            )
        if step.func not in (mixup, word_dropout) and not known.images:
            raise UserError(
                f"{step.func.__name__} changes pictures, and there is no image column.", where="train.augment"
            )
        for name in step.keywords.get("negate", ()):
            if name not in known.zeros:
                hint = did_you_mean(name, known.zeros) if known.zeros else ""
                raise UserError(f"'{name}' is no target of numbers.", where=f"train.augment.{place}.negate", hint=hint)
    return Augmentation(steps, known) if steps else None
