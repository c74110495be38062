"""How graph encoders are narrowed: a layer's numbers, of attention whole heads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from ..blocks.graph import Entry
from ..encoders.gat import Gat
from ..encoders.gcn import Gcn
from ..encoders.sage import Sage
from ._units import Read, Slice, Units, each, makes, places, reads, units


def _dense(projection: Any) -> nn.Linear:
    """The dense layer of a projection."""
    return projection.table if isinstance(projection, Entry) else projection


def _bias(layer: Any, index: Any) -> Slice:
    return Slice(layer, "bias", 0, index)


@units.register
def _gcn(encoder: Gcn, read: Read) -> Iterator[Units]:
    layers: list[Any] = list(encoder.layers)
    for layer, after in zip(layers, [*layers[1:], None]):
        made = makes(_dense(layer.project))
        yield Units([*made, _bias(layer, made[0].index)], read if after is None else reads(_dense(after.project)))


@units.register
def _sage(encoder: Sage, read: Read) -> Iterator[Units]:
    layers: list[Any] = [*encoder.layers, encoder.last]
    for layer, after in zip(layers, [*layers[1:], None]):
        made = [*makes(_dense(layer.own)), *makes(_dense(layer.others))]
        later = read if after is None else [*reads(_dense(after.own)), *reads(_dense(after.others))]
        yield Units([*made, _bias(layer, made[0].index)], later)


@units.register
def _gat(encoder: Gat, read: Read) -> Iterator[Units]:
    layers: list[Any] = list(encoder.layers)
    for layer, after in zip(layers, [*layers[1:], None]):
        mix, index = layer.mix, places(1, layer.mix.heads, layer.mix.hears.shape[1])
        heads = [Slice(mix, name, 0, each(mix.heads)) for name in ("hears", "tells", "heads")]
        made = [*makes(_dense(layer.project), index), _bias(layer, index), *heads]
        if after is not None:
            yield Units(made, reads(_dense(after.project), index=index))
            continue
        last = [Slice(encoder.last, name, 1, index) for name in ("hears", "tells")]
        yield Units(
            made, [*last, *(one and Slice(one.module, one.name, one.dim, one.index[index].flatten(1)) for one in read)]
        )
