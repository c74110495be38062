"""What can be taken out of a model: units - channels, neurons, hidden units, heads - with all weights that belong to them.

How a block is narrowed is registered with `units` and `inputs` (`_layers.py`). Knows nothing of how it is chosen what goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor, nn

from ..blocks.norm import BatchNorm

CPU = torch.device("cpu")  # of every index, also where a model is built on the meta device
_SIZES = {  # (parameter, dimension) -> what a layer may call that size
    ("weight", 0): ("out_features", "out_channels", "num_features"),
    ("weight", 1): ("in_features", "in_channels", "embedding_dim"),
    ("weight_ih_l0", 1): ("input_size",),
    ("weight_hh_l0", 1): ("hidden_size",),
}


@dataclass(frozen=True)
class Slice:
    """Where units lie in one tensor of a module: unit i has the places `index[i]` of the dimension `dim`. Or an attribute
    that is a width, as a number, in which each of them counts."""

    module: nn.Module
    name: str
    dim: int
    index: Tensor  # (units, places of each)

    @property
    def value(self) -> Any:
        return getattr(self.module, self.name)

    def of_units(self, values: Tensor) -> Tensor:
        """(units, ...): what belongs to each of values shaped like the tensor."""
        return values.movedim(self.dim, 0)[self.index].flatten(1)

    def keep(self, kept: Tensor) -> None:
        """Leave the units `kept` in the tensor, and what is no unit's."""
        old, gone = self.value, torch.ones(len(self.index), dtype=torch.bool, device=CPU)
        gone[kept] = False
        if isinstance(old, int):
            setattr(self.module, self.name, old - self.index[gone].numel())
            return
        stays = torch.ones(old.shape[self.dim], dtype=torch.bool, device=CPU)
        stays[self.index[gone].flatten()] = False
        new = old.detach().index_select(self.dim, stays.nonzero()[:, 0].to(old.device))
        setattr(self.module, self.name, nn.Parameter(new, old.requires_grad) if isinstance(old, nn.Parameter) else new)
        transposed = isinstance(self.module, nn.ConvTranspose2d) and self.name == "weight"
        for size in _SIZES.get((self.name, 1 - self.dim if transposed else self.dim), ()):
            if hasattr(self.module, size):
                setattr(self.module, size, new.shape[self.dim])


Read = list[Slice | None]


@dataclass
class Units:
    """Units of one layer: where they are `made` and where they are `read`. One that nobody reads changes nothing.

    A None in `read` is a reader that is not known.
    """

    made: list[Slice]
    read: Read

    def __len__(self) -> int:
        return len(self.made[0].index)

    def keep(self, kept: Tensor) -> None:
        """Take out all others, everywhere."""
        for part in (*self.made, *self.read):
            assert part is not None
            part.keep(kept)


@singledispatch
def units(block: nn.Module, read: Read) -> Iterable[Units]:
    """The units inside a block whose outputs are read by `read` (each index has a row for each of the outputs); of one that
    is not in the table those of its `stacks`, lists of layers one after another, and those inside its parts."""
    own = [one for layers in getattr(block, "stacks", ()) for one in stack(layers, [])]
    return own + [one for part in block.children() for one in units(part, [])]


@singledispatch
def inputs(block: nn.Module, read: Read) -> Read:
    """Where a block reads what it is given, a row of the index for each number; `read`: where its own outputs are."""
    return [None]


def reads(layer: nn.Module, name: str = "weight", index: Tensor | None = None) -> Read:
    """A layer's inputs."""
    dim = 0 if isinstance(layer, nn.ConvTranspose2d) else 1
    return [Slice(layer, name, dim, each(getattr(layer, name).shape[dim]) if index is None else index)]


def makes(layer: nn.Module, index: Tensor | None = None) -> list[Slice]:
    """A layer's outputs: of a dense or convolutional one, or of a batch norm."""
    dim = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
    weight: Any = layer.weight
    index = each(weight.shape[dim]) if index is None else index
    beside = [n for n in ("bias", "running_mean", "running_var") if getattr(layer, n, None) is not None]
    return [Slice(layer, "weight", dim, index), *(Slice(layer, name, 0, index) for name in beside)]


def each(count: int, start: int = 0) -> Tensor:
    """(count, 1): one place each."""
    return torch.arange(start, start + count, device=CPU)[:, None]


def places(before: int, count: int, behind: int = 1) -> Tensor:
    """(count, before * behind): the places of the middle axis of (before, count, behind) in one."""
    return torch.arange(before * count * behind, device=CPU).view(before, count, behind).transpose(0, 1).flatten(1)


def width(block: Any) -> Slice:
    """The width that a block says it has."""
    return Slice(block, "width", 0, each(block.width))


def some(read: Read, index: Tensor) -> Read:
    """The readers of outputs whose unit i is all of `index[i]`."""
    return [one if one is None else replace(one, index=one.index[index].flatten(1)) for one in read]


def stack(layers: Iterable[nn.Module], read: Read) -> Iterator[Units]:
    """Dense layers or convolutions one after another with their norms. A layer norm looks at all units: they stay."""
    made: list[list[Slice]] = []
    weighted: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            weighted.append(layer)
            made.append(makes(layer))
        elif isinstance(layer, BatchNorm):
            made[-1] += makes(layer.norm)
        elif isinstance(layer, nn.LayerNorm):
            made[-1] = []
    for place, slices in enumerate(made):
        if place + 1 == len(weighted):
            yield Units(slices, read)
            continue
        maker, reader = weighted[place : place + 2]
        index = None
        if isinstance(maker, nn.Conv2d) and isinstance(reader, nn.Linear):  # which reads each channel at so many places
            index = places(1, maker.out_channels, reader.in_features // maker.out_channels)
        yield Units(slices, reads(reader, index=index))


def first(layers: nn.Module, read: Read) -> Read:
    """Where a stack reads its input: its first layer, or whoever reads what an empty stack hands on."""
    return next((reads(layer) for layer in layers.modules() if isinstance(layer, nn.Linear)), read)
