"""What can be taken out of a model: channels, neurons, hidden units and heads, each with all weights that belong to it.

A table of the blocks that can be narrowed and how. A block that is not here keeps its width. Knows nothing of how it is
chosen what goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor, nn

from ..blocks.attention import SelfAttention, TransformerLayer, TransformerLayers
from ..blocks.decoder import DecoderLayer
from ..blocks.inputs import Steps
from ..blocks.norm import BatchNorm
from ..blocks.pooling import Pool
from ..blocks.seq2seq import RecurrentDecoder, TransformerDecoder
from ..encoders.bag import Bag
from ..encoders.cnn import Cnn
from ..encoders.ensemble import Ensemble
from ..encoders.mlp import Mlp
from ..encoders.pretrained import Pretrained
from ..encoders.rnn import Rnn
from ..encoders.transformer import Transformer
from ..fuse.concat import Concat
from ..fuse.gaussian import Gaussian
from ..fuse.transformer import Transformer as Mixing
from ..heads.boolean import Boolean
from ..heads.category import Category
from ..heads.ctc import Ctc
from ..heads.masked import Masked
from ..heads.multilabel import Multilabel
from ..heads.number import Number
from ..heads.reconstruct import Reconstruct
from ..heads.sequence import Sequence
from ..heads.tags import Tags
from ..heads.vector import Vector
from ..models.assembled import Assembled
from ..models.language import Language

CPU = torch.device("cpu")  # of every index, also where a model is built on the meta device
_SIZES = {  # (parameter, dimension) -> what a layer may call that size
    ("weight", 0): ("out_features", "out_channels", "num_features"),
    ("weight", 1): ("in_features", "in_channels", "embedding_dim"),
    ("weight_ih_l0", 1): ("input_size",),
    ("weight_hh_l0", 1): ("hidden_size",),
}
_PRETRAINED = (  # who reads, and who makes: neurons and heads in BERT's words, then in DistilBERT's
    ("output.dense", ("intermediate.dense",)),
    ("output.dense", ("self.query", "self.key", "self.value")),
    ("lin2", ("lin1",)),
    ("out_lin", ("q_lin", "k_lin", "v_lin")),
)


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


def find(model: nn.Module) -> dict[str, Units]:
    """The units of every layer that can be narrowed, by the layer's name. Valid until one of them is narrowed."""
    names = {module: name for name, module in model.named_modules()}
    found = [one for one in units(model, []) if one.made and one.read and None not in one.read]
    return {names[one.made[0].module]: one for one in found}


@singledispatch
def units(block: nn.Module, read: Read) -> Iterable[Units]:
    """The units inside a block whose outputs are read by `read` (each index has a row for each of the outputs)."""
    return ()


@singledispatch
def inputs(block: nn.Module, read: Read) -> Read:
    """Where a block reads what it is given, a row of the index for each number; `read`: where its own outputs are."""
    return [None]


def _in(layer: nn.Module, name: str = "weight", index: Tensor | None = None) -> Read:
    """A layer's inputs."""
    dim = 0 if isinstance(layer, nn.ConvTranspose2d) else 1
    return [Slice(layer, name, dim, _each(getattr(layer, name).shape[dim]) if index is None else index)]


def _out(layer: nn.Module, index: Tensor | None = None) -> list[Slice]:
    """A layer's outputs: of a dense or convolutional one, or of a batch norm."""
    dim = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
    weight: Any = layer.weight
    index = _each(weight.shape[dim]) if index is None else index
    beside = [n for n in ("bias", "running_mean", "running_var") if getattr(layer, n, None) is not None]
    return [Slice(layer, "weight", dim, index), *(Slice(layer, name, 0, index) for name in beside)]


def _each(count: int, start: int = 0) -> Tensor:
    """(count, 1): one place each."""
    return torch.arange(start, start + count, device=CPU)[:, None]


def _blocks(before: int, count: int, behind: int = 1) -> Tensor:
    """(count, before * behind): the places of the middle axis of (before, count, behind) in one."""
    return torch.arange(before * count * behind, device=CPU).view(before, count, behind).transpose(0, 1).flatten(1)


def _width(block: Any) -> Slice:
    """The width that a block says it has."""
    return Slice(block, "width", 0, _each(block.width))


def _some(read: Read, index: Tensor) -> Read:
    """The readers of outputs whose unit i is all of `index[i]`."""
    return [one if one is None else replace(one, index=one.index[index].flatten(1)) for one in read]


def _stack(layers: Iterable[nn.Module], read: Read) -> Iterator[Units]:
    """Dense layers or convolutions one after another with their norms. A layer norm looks at all units: they stay."""
    made: list[list[Slice]] = []
    weighted: list[nn.Module] = []
    for layer in layers:
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
            weighted.append(layer)
            made.append(_out(layer))
        elif isinstance(layer, BatchNorm):
            made[-1] += _out(layer.norm)
        elif isinstance(layer, nn.LayerNorm):
            made[-1] = []
    for place, slices in enumerate(made):
        yield Units(slices, _in(weighted[place + 1]) if place + 1 < len(weighted) else read)


def _first(layers: nn.Module, read: Read) -> Read:
    """Where a stack reads its input: its first layer, or whoever reads what an empty stack hands on."""
    return next((_in(layer) for layer in layers.modules() if isinstance(layer, nn.Linear)), read)


@units.register
def _assembled(model: Assembled, read: Read) -> Iterator[Units]:
    fused: Read = [] if model.fuse is None else [_width(model.fuse)]
    for key, head in model.heads.items():
        fused += _in(model.beside[key]) if key in model.beside else []
        fused += inputs(head, []) if head not in _of_sequences(model) else []
        yield from units(head, [])
    if model.fuse is not None:
        yield from units(model.fuse, fused)
    start = 0
    for number, (key, encoder) in enumerate(model.encoders.items()):
        reading: Read = []
        if model.fuse is not None:
            pool: Any = model.pools[key]
            whole = _in(model.fuse.entries[number]) if isinstance(model.fuse, Mixing) else inputs(model.fuse, fused)
            place = 0 if isinstance(model.fuse, Mixing) else start
            reading += _pooled(pool, encoder, _some(whole, _each(pool.width, place)))
            start += pool.width
        for name in (name for name, source in model.read.items() if source == key):
            head = model.head(name)
            reading += inputs(head, [])
            beside = [module for own, module in model.beside.items() if model.heads[own] is head]
            reading += [one for module in beside for one in _out(module)]
        yield from _encoded(encoder, model.pools[key] if model.fuse is not None else None, reading)


def _of_sequences(model: Assembled) -> list[Any]:
    return [model.head(name) for name in model.read]


def _pooled(pool: Pool, encoder: Any, read: Read) -> Read:
    """Who reads an encoder's numbers through its pool."""
    read = [*read, _width(pool)]
    if pool.kind == "flatten":
        read = _some(read, _blocks(encoder.length, encoder.width))
    return read + (_in(pool.score) if pool.score is not None else [])


def _encoded(encoder: Any, pool: Pool | None, read: Read) -> Iterator[Units]:
    """An encoder's units; a pool that takes the end of a backward pass apart must know where it begins."""
    for one in units(encoder, [*read, _width(encoder)]):
        if pool is not None and isinstance(encoder, Rnn) and one.made[0].module in encoder.layers.leftward[-1:]:
            one.read.append(Slice(pool, "backward", 0, _each(pool.backward)))
        yield one


@units.register
def _mlp(encoder: Mlp, read: Read) -> Iterator[Units]:
    layers: Any = encoder.layers
    if isinstance(layers, nn.Sequential):
        yield from _stack(layers, read)
        return
    for place, matrix in enumerate(layers.matrices):
        last = place + 1 == len(layers.matrices)
        one = Units(_out(matrix), read if last else _in(layers.matrices[place + 1]))
        beside = [(layers.outward, place), (layers.biases, place), *([] if last else [(layers.inward, place + 1)])]
        one.made += [Slice(factors, str(number), 1, _each(len(one))) for factors, number in beside]
        for norm in layers.ends[place]:
            one.made = [] if isinstance(norm, nn.LayerNorm) else one.made
            one.made += _out(norm.norm) if isinstance(norm, BatchNorm) else []
        yield one


@units.register
def _cnn(encoder: Cnn, read: Read) -> Iterator[Units]:
    current = _embedding(encoder.inputs)
    found, start = [current], 0
    layers: Any = encoder.layers
    for layer in layers:
        current.read += _in(layer.filter)
        made = _out(layer.filter) + (_out(layer.norm.norm) if isinstance(layer.norm, BatchNorm) else [])
        width = len(made[0].index)
        if layer.residual:  # its sum with its input has the input's channels
            current.made += made if current.made else []
        else:
            found.append(Units(made, _some(read, _each(width, start)) if encoder.parallel else []))
            current = current if encoder.parallel else found[-1]
        start += width
    if not encoder.parallel:
        current.read += read
    yield from found


def _embedding(inputs: Any) -> Units:
    """The numbers of a text's embeddings; what is no text has none that could go."""
    table = getattr(inputs, "table", None) if isinstance(inputs, Steps) else None
    return Units([] if table is None else [Slice(table, "weight", 1, _each(table.embedding_dim))], [])


@units.register
def _rnn(encoder: Rnn, read: Read) -> Iterator[Units]:
    words, layers = _embedding(encoder.inputs), encoder.layers
    ways = [
        [way[number] for way in (layers.rightward, layers.leftward) if len(way)]
        for number in range(len(layers.rightward))
    ]
    words.read = [one for cell in ways[0] for one in _in(cell, "weight_ih_l0")]
    yield words
    for place, cells in enumerate(ways):
        later = (
            [one for cell in ways[place + 1] for one in _in(cell, "weight_ih_l0")] if place + 1 < len(ways) else read
        )
        start = 0
        for cell in cells:
            yield Units(_gates(cell), _in(cell, "weight_hh_l0") + _some(later, _each(cell.hidden_size, start)))
            start += cell.hidden_size


def _gates(cell: Any) -> list[Slice]:
    """The hidden units of a recurrent layer in each of its gates."""
    index = _blocks(len(cell.weight_hh_l0) // cell.hidden_size, cell.hidden_size)
    return [Slice(cell, f"{name}_l0", 0, index) for name in ("weight_hh", "weight_ih", "bias_ih", "bias_hh")]


@units.register
def _bag(encoder: Bag, read: Read) -> Iterator[Units]:
    yield Units([Slice(encoder.table, "weight", 1, _each(encoder.table.embedding_dim))], list(read))


@units.register
def _ensemble(encoder: Ensemble, read: Read) -> Iterator[Units]:
    exits: Any = [leave[1] for leave in encoder.exits]
    for member, pool, leave in zip(encoder.members, encoder.pools, exits):
        yield from _encoded(member, pool, _pooled(pool, member, _in(leave)))
    yield Units([one for leave in exits for one in _out(leave)], list(read))


@units.register
def _transformer(encoder: Transformer, read: Read) -> Iterable[Units]:
    return units(encoder.layers, [])


@units.register
def _pretrained(encoder: Pretrained, read: Read) -> Iterator[Units]:
    network: Any = encoder.network
    layers = dict(network.named_modules())
    for name, layer in layers.items():
        for end, makers in _PRETRAINED:
            found = [layers.get(name.removesuffix(end) + maker) for maker in makers]
            if name.endswith(f".{end}") and None not in found:
                heads = network.config.num_attention_heads if len(makers) > 1 else layer.in_features
                index = _blocks(1, heads, layer.in_features // heads)
                yield Units([one for maker in found for one in _out(maker, index)], _in(layer, index=index))


@units.register
def _layers(layers: TransformerLayers, read: Read) -> Iterator[Units]:
    for layer in layers.layers:
        yield from units(layer, [])


@units.register
def _layer(layer: TransformerLayer, read: Read) -> Iterator[Units]:
    yield from units(layer.attention, [])
    yield from _stack(layer.dense, [])


@units.register
def _attention(attention: SelfAttention, read: Read) -> Iterator[Units]:
    yield _heads(attention.queries_keys_values, 3, attention.mix, attention.size)


def _heads(projection: nn.Linear, joined: int, mix: nn.Linear, size: int) -> Units:
    """Heads whose `joined` projections (queries, keys, values) stand one behind the other in one layer."""
    heads = mix.in_features // size
    return Units(_out(projection, _blocks(joined, heads, size)), _in(mix, index=_blocks(1, heads, size)))


@units.register
def _concat(fuse: Concat, read: Read) -> Iterable[Units]:
    return _stack(fuse.layers, read)


@inputs.register
def _into_concat(fuse: Concat, read: Read) -> Read:
    return _first(fuse.layers, read)


@inputs.register
def _into_gaussian(fuse: Gaussian, read: Read) -> Read:
    return _in(fuse.mean) + _in(fuse.log_variance)


@units.register
def _mixing(fuse: Mixing, read: Read) -> Iterable[Units]:
    return units(fuse.layers, [])


def _into_output(head: Any, read: Read) -> Read:
    return _in(head.output)


for _head in (Boolean, Category, Ctc, Multilabel, Number, Tags, Vector):
    inputs.register(_head, _into_output)


@inputs.register
def _into_masked(head: Masked, read: Read) -> Read:
    return _first(head.body, read)


@inputs.register
def _into_reconstruct(head: Reconstruct, read: Read) -> Read:
    return _first(head.decoder, read)


@units.register
def _reconstruct(head: Reconstruct, read: Read) -> Iterator[Units]:
    decoder: Any = head.decoder
    if isinstance(decoder, nn.Sequential):
        yield from _stack(decoder, [])
        return
    channels = decoder.layers[0].in_channels
    last = [layer for layer in decoder.dense if isinstance(layer, nn.Linear)][-1]
    *dense, picture = _stack(decoder.dense, _in(decoder.layers[0]))
    yield from dense
    yield replace(picture, made=_out(last, _blocks(1, channels, last.out_features // channels)))
    yield from _stack(decoder.layers, [])


@inputs.register
def _into_sequence(head: Sequence, read: Read) -> Read:
    decoder = head.decoder
    if isinstance(decoder, TransformerDecoder):
        return [one for layer in decoder.layers for one in _in(layer.memory)]  # type: ignore[arg-type]
    memory = decoder.begin.in_features // 2
    found = _in(decoder.begin, index=_blocks(2, memory))
    if decoder.key is not None and decoder.join is not None:
        found += _in(decoder.key) + _in(decoder.join, index=_each(memory, decoder.join.in_features - memory))
    return found


@units.register
def _sequence(head: Sequence, read: Read) -> Iterator[Units]:
    if isinstance(head.decoder, TransformerDecoder):
        layers: Any = head.decoder.layers
        for layer in layers:
            yield _heads(layer.own, 3, layer.own_mix, head.decoder.size)
            across = _heads(layer.query, 1, layer.memory_mix, head.decoder.size)
            across.made += _out(layer.memory, _blocks(2, len(across), head.decoder.size))
            yield across
            yield from _stack(layer.dense, [])
    else:
        yield from _writing(head, head.decoder)


def _writing(head: Sequence, decoder: RecurrentDecoder) -> Iterator[Units]:
    """The hidden units of all layers together, because one tensor holds their states, and the embeddings' numbers."""
    cells: Any = list(decoder.cells.rightward)
    hidden = cells[0].hidden_size
    one = Units([part for cell in cells for part in _gates(cell)], [])
    one.made += _out(decoder.begin, _blocks(decoder.begin.out_features // hidden, hidden))
    one.read += [part for cell in cells for part in _in(cell, "weight_hh_l0")]
    one.read += [part for cell in cells[1:] for part in _in(cell, "weight_ih_l0")]
    words = [*_in(head.table), *_in(cells[0], "weight_ih_l0")]  # the table is read for the logits too
    if decoder.join is None or decoder.key is None:
        one.read += words
    else:
        one.read += [*_in(decoder.join, index=_each(hidden)), *_out(decoder.key)]  # a score is a product with a key
        yield Units(_out(decoder.join), words)
    yield one


@units.register
def _language(model: Language, read: Read) -> Iterator[Units]:
    for layer in model.model.layers:
        yield from units(layer, [])


@units.register
def _decoder(layer: DecoderLayer, read: Read) -> Iterator[Units]:
    """SwiGLU's neurons, and heads: with their keys and values where each has its own, else so many of each group."""
    attention, dense = layer.self_attn, layer.mlp
    size = attention.head_width
    heads, groups = attention.q_proj.out_features // size, attention.k_proj.out_features // size
    index = _blocks(1 if heads == groups else groups, groups if heads == groups else heads // groups, size)
    one = Units(_out(attention.q_proj, index), _in(attention.o_proj, index=index))
    one.made += [*_out(attention.k_proj, index), *_out(attention.v_proj, index)] if heads == groups else []
    yield one
    yield Units(_out(dense.gate_proj) + _out(dense.up_proj), _in(dense.down_proj))
