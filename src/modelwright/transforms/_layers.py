"""The table of the blocks that can be narrowed, and how. A block that is neither here nor in a file `_of_<family>.py` beside
keeps its width."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from ..blocks.attention import SelfAttention, TransformerLayer
from ..blocks.decoder import DecoderLayer
from ..blocks.inputs import Steps
from ..blocks.norm import BatchNorm
from ..blocks.pooling import Pool
from ..blocks.seq2seq import RecurrentDecoder, TransformerDecoder
from ..encoders.bag import Bag
from ..encoders.cnn import Cnn
from ..encoders.ensemble import Ensemble
from ..encoders.factorization import Factorization
from ..encoders.mlp import Mlp
from ..encoders.pretrained import Pretrained
from ..encoders.rnn import Rnn
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
from ..heads.two_tower import TwoTower
from ..heads.vector import Vector
from ..models._assembly import Assembly
from ._units import Read, Slice, Units, each, first, inputs, makes, places, reads, some, stack, units, width

_PRETRAINED = (  # who reads, and who makes: neurons and heads in BERT's words, then in DistilBERT's
    ("output.dense", ("intermediate.dense",)),
    ("output.dense", ("self.query", "self.key", "self.value")),
    ("lin2", ("lin1",)),
    ("out_lin", ("q_lin", "k_lin", "v_lin")),
)


def find(model: nn.Module) -> dict[str, Units]:
    """The units of every layer that can be narrowed, by the layer's name. Valid until one of them is narrowed."""
    names = {module: name for name, module in model.named_modules()}
    found = [one for one in units(model, []) if one.made and one.read and None not in one.read]
    return {names[one.made[0].module]: one for one in found}


@units.register
def _assembled(model: Assembly, read: Read) -> Iterator[Units]:
    fused: Read = [] if model.fuse is None else [width(model.fuse)]
    for key, head in model.heads.items():
        fused += reads(model.beside[key]) if key in model.beside else []
        fused += inputs(head, []) if head not in _of_sequences(model) else []
        yield from units(head, [])
    if model.fuse is not None:
        yield from units(model.fuse, fused)
    start = 0
    for key, encoder in model.encoders.items():
        reading: Read = []
        pool: Any = model.pools[key] if model.fuse is not None and key in model.pools else None
        if pool is not None:
            number = list(model.pools).index(key)
            whole = reads(model.fuse.entries[number]) if isinstance(model.fuse, Mixing) else inputs(model.fuse, fused)
            place = 0 if isinstance(model.fuse, Mixing) else start
            reading += _pooled(pool, encoder, some(whole, each(pool.width, place)))
            start += pool.width
        for name in (name for name, source in model.read.items() if source == key):
            head = model.head(name)
            reading += inputs(head, [])
            beside = [module for own, module in model.beside.items() if model.heads[own] is head]
            reading += [one for module in beside for one in makes(module)]
        yield from _encoded(encoder, pool, reading)


def _of_sequences(model: Assembly) -> list[Any]:
    return [model.head(name) for name in model.read]


def _pooled(pool: Pool, encoder: Any, read: Read) -> Read:
    """Who reads an encoder's numbers through its pool."""
    read = [*read, width(pool)]
    if pool.kind == "flatten":
        read = some(read, places(encoder.length, encoder.width))
    return read + (reads(pool.score) if pool.score is not None else [])


def _encoded(encoder: Any, pool: Pool | None, read: Read) -> Iterator[Units]:
    """An encoder's units; a pool that takes the end of a backward pass apart must know where it begins."""
    for one in units(encoder, [*read, width(encoder)]):
        if (
            pool is not None
            and one.made
            and isinstance(encoder, Rnn)
            and one.made[0].module in encoder.layers.leftward[-1:]
        ):
            one.read.append(Slice(pool, "backward", 0, each(pool.backward)))
        yield one


@units.register
def _mlp(encoder: Mlp, read: Read) -> Iterator[Units]:
    layers: Any = encoder.layers
    if isinstance(layers, nn.Sequential):
        yield from stack(layers, read)
        return
    for place, matrix in enumerate(layers.matrices):
        last = place + 1 == len(layers.matrices)
        one = Units(makes(matrix), read if last else reads(layers.matrices[place + 1]))
        beside = [(layers.outward, place), (layers.biases, place), *([] if last else [(layers.inward, place + 1)])]
        one.made += [Slice(factors, str(number), 1, each(len(one))) for factors, number in beside]
        for norm in layers.ends[place]:
            one.made = [] if isinstance(norm, nn.LayerNorm) else one.made
            one.made += makes(norm.norm) if isinstance(norm, BatchNorm) else []
        yield one


@units.register
def _cnn(encoder: Cnn, read: Read) -> Iterator[Units]:
    current = _embedding(encoder.inputs)
    found, start = [current], 0
    layers: Any = encoder.layers
    for layer in layers:
        current.read += reads(layer.filter)
        made = makes(layer.filter) + (makes(layer.norm.norm) if isinstance(layer.norm, BatchNorm) else [])
        width = len(made[0].index)
        if layer.residual:  # its sum with its input has the input's channels
            current.made += made if current.made else []
        else:
            found.append(Units(made, some(read, each(width, start)) if encoder.parallel else []))
            current = current if encoder.parallel else found[-1]
        start += width
    if not encoder.parallel:
        current.read += read
    yield from found


def _embedding(inputs: Any) -> Units:
    """The numbers of a text's embeddings; what is no text has none that could go."""
    table = getattr(inputs, "table", None) if isinstance(inputs, Steps) else None
    return Units([] if table is None else [Slice(table, "weight", 1, each(table.embedding_dim))], [])


@units.register
def _rnn(encoder: Rnn, read: Read) -> Iterator[Units]:
    words, layers = _embedding(encoder.inputs), encoder.layers
    ways: list[list[Any]] = [
        [way[number] for way in (layers.rightward, layers.leftward) if len(way)]
        for number in range(len(layers.rightward))
    ]
    words.read = [one for cell in ways[0] for one in reads(cell, "weight_ih_l0")]
    yield words
    for place, cells in enumerate(ways):
        later = (
            [one for cell in ways[place + 1] for one in reads(cell, "weight_ih_l0")] if place + 1 < len(ways) else read
        )
        start = 0
        for cell in cells:
            yield Units(_gates(cell), reads(cell, "weight_hh_l0") + some(later, each(cell.hidden_size, start)))
            start += cell.hidden_size


def _gates(cell: Any) -> list[Slice]:
    """The hidden units of a recurrent layer in each of its gates."""
    index = places(len(cell.weight_hh_l0) // cell.hidden_size, cell.hidden_size)
    return [Slice(cell, f"{name}_l0", 0, index) for name in ("weight_hh", "weight_ih", "bias_ih", "bias_hh")]


@units.register
def _bag(encoder: Bag, read: Read) -> Iterator[Units]:
    yield Units([Slice(encoder.table, "weight", 1, each(encoder.table.embedding_dim))], list(read))


@units.register
def _factorization(encoder: Factorization, read: Read) -> Iterator[Units]:
    """The numbers of the vectors, which begin behind the bias."""
    vectors = each(encoder.width - 1, 1)
    made = [] if encoder.categories is None else [Slice(encoder.categories.table, "weight", 1, vectors)]
    made += [] if encoder.weights is None else [Slice(encoder, "weights", 1, vectors)]
    yield Units(made, some(read, vectors))


@units.register
def _ensemble(encoder: Ensemble, read: Read) -> Iterator[Units]:
    leaving: Any = encoder.exits
    exits, pools = [leave[1] for leave in leaving], list[Any](encoder.pools)
    for member, pool, leave in zip(encoder.members, pools, exits):
        yield from _encoded(member, pool, _pooled(pool, member, reads(leave)))
    yield Units([one for leave in exits for one in makes(leave)], list(read))


@units.register
def _pretrained(encoder: Pretrained, read: Read) -> Iterator[Units]:
    network: Any = encoder.network
    layers = dict(network.named_modules())
    for name, layer in layers.items():
        for end, makers in _PRETRAINED:
            found: list[Any] = [layers.get(name.removesuffix(end) + maker) for maker in makers]
            if name.endswith(f".{end}") and None not in found:
                heads = network.config.num_attention_heads if len(makers) > 1 else layer.in_features
                index = places(1, heads, layer.in_features // heads)
                yield Units([one for maker in found for one in makes(maker, index)], reads(layer, index=index))


@units.register
def _layer(layer: TransformerLayer, read: Read) -> Iterator[Units]:
    yield from units(layer.attention, [])
    yield from stack(layer.dense, [])


@units.register
def _attention(attention: SelfAttention, read: Read) -> Iterator[Units]:
    yield _heads(attention.queries_keys_values, 3, attention.mix, attention.size)


def _heads(projection: nn.Linear, joined: int, mix: nn.Linear, size: int) -> Units:
    """Heads whose `joined` projections (queries, keys, values) stand one behind the other in one layer."""
    heads = mix.in_features // size
    return Units(makes(projection, places(joined, heads, size)), reads(mix, index=places(1, heads, size)))


@units.register
def _concat(fuse: Concat, read: Read) -> Iterable[Units]:
    return stack(fuse.layers, read)


@inputs.register
def _into_concat(fuse: Concat, read: Read) -> Read:
    return first(fuse.layers, read)


@inputs.register
def _into_gaussian(fuse: Gaussian, read: Read) -> Read:
    return reads(fuse.mean) + reads(fuse.log_variance)


def _into_output(head: Any, read: Read) -> Read:
    return reads(head.output)


for _head in (Boolean, Category, Ctc, Multilabel, Number, Tags, TwoTower, Vector):
    inputs.register(_head, _into_output)


@inputs.register
def _into_masked(head: Masked, read: Read) -> Read:
    return first(head.body, read)


@inputs.register
def _into_reconstruct(head: Reconstruct, read: Read) -> Read:
    return first(head.decoder, read)


@units.register
def _reconstruct(head: Reconstruct, read: Read) -> Iterator[Units]:
    decoder: Any = head.decoder
    if isinstance(decoder, nn.Sequential):
        yield from stack(decoder, [])
        return
    channels = decoder.layers[0].in_channels
    last = [layer for layer in decoder.dense if isinstance(layer, nn.Linear)][-1]
    *dense, picture = stack(decoder.dense, reads(decoder.layers[0]))
    yield from dense
    yield replace(picture, made=makes(last, places(1, channels, last.out_features // channels)))
    yield from stack(decoder.layers, [])


@inputs.register
def _into_sequence(head: Sequence, read: Read) -> Read:
    decoder = head.decoder
    if isinstance(decoder, TransformerDecoder):
        return [one for layer in decoder.layers for one in reads(layer.memory)]  # type: ignore[arg-type]
    memory = decoder.begin.in_features // 2
    found = reads(decoder.begin, index=places(2, memory))
    if decoder.key is not None and decoder.join is not None:
        found += reads(decoder.key) + reads(decoder.join, index=each(memory, decoder.join.in_features - memory))
    return found


@units.register
def _sequence(head: Sequence, read: Read) -> Iterator[Units]:
    if isinstance(head.decoder, TransformerDecoder):
        layers: Any = head.decoder.layers
        for layer in layers:
            yield _heads(layer.own, 3, layer.own_mix, head.decoder.size)
            across = _heads(layer.query, 1, layer.memory_mix, head.decoder.size)
            across.made += makes(layer.memory, places(2, len(across), head.decoder.size))
            yield across
            yield from stack(layer.dense, [])
    else:
        yield from _writing(head, head.decoder)


def _writing(head: Sequence, decoder: RecurrentDecoder) -> Iterator[Units]:
    """The hidden units of all layers together, because one tensor holds their states, and the embeddings' numbers."""
    cells: Any = list(decoder.cells.rightward)
    hidden = cells[0].hidden_size
    one = Units([part for cell in cells for part in _gates(cell)], [])
    one.made += makes(decoder.begin, places(decoder.begin.out_features // hidden, hidden))
    one.read += [part for cell in cells for part in reads(cell, "weight_hh_l0")]
    one.read += [part for cell in cells[1:] for part in reads(cell, "weight_ih_l0")]
    words = [*reads(head.table), *reads(cells[0], "weight_ih_l0")]  # the table is read for the logits too
    if decoder.join is None or decoder.key is None:
        one.read += words
    else:
        one.read += [*reads(decoder.join, index=each(hidden)), *makes(decoder.key)]  # a score is a product with a key
        yield Units(makes(decoder.join), words)
    yield one


@units.register
def _decoder(layer: DecoderLayer, read: Read) -> Iterator[Units]:
    """SwiGLU's neurons, and heads: with their keys and values where each has its own, else so many of each group."""
    attention, dense = layer.self_attn, layer.mlp
    size = attention.head_width
    heads, groups = attention.q_proj.out_features // size, attention.k_proj.out_features // size
    index = places(1 if heads == groups else groups, groups if heads == groups else heads // groups, size)
    one = Units(makes(attention.q_proj, index), reads(attention.o_proj, index=index))
    one.made += [*makes(attention.k_proj, index), *makes(attention.v_proj, index)] if heads == groups else []
    yield one
    yield Units(makes(dense.gate_proj) + makes(dense.up_proj), reads(dense.down_proj))


for _module in pkgutil.iter_modules([str(Path(__file__).parent)]):
    if _module.name.startswith("_of_"):
        importlib.import_module(f"{__package__}.{_module.name}")
