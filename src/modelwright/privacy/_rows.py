"""The gradient of each row of a batch, clipped, and the sum of them. Knows nothing of noise, budgets or recipes.

The gradient of row i is `g_i = d l_i / d w` with `l_i` the weighted sum of the loss terms of that row alone, and what is
given back is `sum_i g_i min(1, C / |g_i|)` (Abadi 2016, algorithm 1). There are three ways to it, fastest first: by layer,
by `torch.func.vmap`, and row by row; `fitting_way` takes the first that agrees with plain gradients on a few rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad, vjp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..blocks.stream import Batch, Model
from ..errors import UserError
from ..loop import Terms

MEMORY = 2**21  # numbers held at once: rows of a piece times numbers a row; more are slower to walk through
Way = Callable[[Model, Batch, float], tuple[list[Tensor], Terms]]
"""(model, batch, C) -> the clipped sum for each trainable parameter, and the loss terms."""
Found = tuple[Tensor, Callable[[Tensor], dict[str, Tensor]]]
"""Of one layer: (B,) squared norms of the rows' gradients, and their sum weighted by (B,) factors, by parameter."""


def trainable(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that learn, by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def _sum(model: Model, terms: Terms) -> Tensor:
    """The weighted terms added up, not divided by anything that depends on other rows."""
    return torch.stack([model.weights.get(name, 1.0) * value.float() for name, (value, _) in terms.items()]).sum()


def _gradients(model: Model, terms: Terms) -> list[Tensor]:
    """The plain gradients of the terms; zeros where a parameter has no part in them."""
    parameters = list(trainable(model).values())
    found = torch.autograd.grad(_sum(model, terms), parameters, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found)]


def _squares(each: dict[str, Tensor]) -> Tensor:
    """(B,) squared norms of gradients (B, ...)."""
    return torch.stack([value.flatten(1).square().sum(1) for value in each.values()]).sum(0)


def _factors(squares: Tensor, clip: float) -> Tensor:
    return (clip / squares.sqrt().clamp(min=1e-12)).clamp(max=1)


def by_layer(model: Model, batch: Batch, clip: float) -> tuple[list[Tensor], Terms]:
    """One pass through the model; norms and sums from what entered each layer and the gradient of what left it (the
    book-keeping of Bu 2022). Most rows' gradients are never written out."""
    squares, total, terms = _layers(model, batch)
    return total(_factors(squares, clip)), terms


def _layers(model: Model, batch: Batch) -> tuple[Tensor, Callable[[Tensor], list[Tensor]], Terms]:
    """(B,) squared norms of the rows' gradients, the function that adds these up weighted by (B,) factors, and the terms."""
    parameters = trainable(model)
    with _watched(model) as calls:
        terms = model(batch)
        _sum(model, terms).backward()
    rows = len(next(iter(batch.values())))
    found = [(layer, _RULES.get(type(layer), _any)(layer, made, rows)) for layer, made in calls.items()]

    def total(factors: Tensor) -> list[Tensor]:
        sums = {id(parameter): torch.zeros_like(parameter) for parameter in parameters.values()}
        for layer, (_, weighted) in found:
            for name, value in weighted(factors).items():
                sums[id(getattr(layer, name))] += value
        return list(sums.values())

    told = {name: (value.detach(), count) for name, (value, count) in terms.items()}
    return torch.stack([squares for _, (squares, _) in found]).sum(0), total, told


def by_vmap(model: Model, batch: Batch, clip: float) -> tuple[list[Tensor], Terms]:
    """Every row's gradient written out, all rows at once."""

    def loss(values: dict[str, Tensor], row: Batch) -> tuple[Tensor, Terms]:
        terms = functional_call(model, values, ({key: value[None] for key, value in row.items()},))
        return _sum(model, terms), terms

    values = {name: parameter.detach() for name, parameter in trainable(model).items()}
    with _silence(), sdpa_kernel(SDPBackend.MATH):  # vmap knows no rule for the others on a CPU
        each, terms = vmap(grad(loss, has_aux=True), (None, 0), randomness="different")(values, batch)
    factors = _factors(_squares(each), clip)
    sums = [torch.tensordot(factors, value, 1) for value in each.values()]
    return sums, {name: (value.detach().sum(), count.sum()) for name, (value, count) in terms.items()}


def by_row(model: Model, batch: Batch, clip: float) -> tuple[list[Tensor], Terms]:
    """Row by row: what the other ways must agree with."""
    sums, told = [torch.zeros_like(parameter) for parameter in trainable(model).values()], dict[str, Any]()
    for row in range(len(next(iter(batch.values())))):
        terms = model({key: value[row : row + 1] for key, value in batch.items()})
        found = _gradients(model, terms)
        factor = _factors(torch.stack([value.square().sum() for value in found]).sum(), clip)
        torch._foreach_add_(sums, [factor * value for value in found])
        for name, (value, count) in terms.items():
            before = told.get(name, (0.0, 0.0))
            told[name] = (before[0] + value.detach(), before[1] + count.detach())
    return sums, told


def fitting_way(model: Model, batch: Batch) -> Way:
    """The fastest way that agrees with plain gradients on a few rows. Raises UserError where the rows of a batch have an
    influence on one another, for then no row's influence can be bounded: `d l_i / d x_j` must be 0."""
    model.train()
    rows = torch.arange(8) % len(next(iter(batch.values())))
    halves = [{key: value[part] for key, value in batch.items()} for part in rows.split(2)]
    one, two = _joined(halves[0], halves[1]), _joined(halves[2], halves[3])
    other, another = _joined(halves[0], halves[3]), _joined(halves[2], halves[1])
    before = {name: value.clone() for name, value in model.named_buffers()}
    plain = _plain(model, one)
    apart = plain + _plain(model, two) - _plain(model, other) - _plain(model, another)  # 0 where losses only add up
    kept = all(torch.equal(before[name], value) for name, value in model.named_buffers())
    if not kept or not _equal(apart, 0 * apart, plain):
        raise UserError("the rows of a batch have an influence on one another", hint=_mixing(model))
    for way, agrees in ((by_layer, _layers_agree), (by_vmap, _runs)):
        try:
            if agrees(model, one, other, plain):
                return way
        except Exception:  # torch.func and a layer's rule raise all kinds where they do not know a part of the model
            continue
    return by_row


def _layers_agree(model: Model, batch: Batch, other: Batch, plain: Tensor) -> bool:
    """Whether the sum is the plain gradient, the norms are those of the rows, and the first row's is its own."""
    squares, total, _ = _seeded(_layers, model, batch)
    each = torch.stack([_flat(total(one)) for one in torch.eye(len(squares))])
    first = _flat(_seeded(_layers, model, other)[1](torch.eye(len(squares))[0]))
    return (
        _equal(each.sum(0), plain, plain)
        and _equal(each.square().sum(1), squares.double(), squares)
        and _equal(each[0], first, plain)
    )


def _runs(model: Model, batch: Batch, other: Batch, plain: Tensor) -> bool:
    by_vmap(model, batch, 1.0)
    return True


def _joined(one: Batch, two: Batch) -> Batch:
    return {key: torch.cat([value, two[key]]) for key, value in one.items()}


def _seeded(function: Callable[..., Any], *given: Any) -> Any:
    """Drop-out and the like are the same at the same place of a batch."""
    torch.manual_seed(0)
    return function(*given)


def _plain(model: Model, batch: Batch) -> Tensor:
    return _flat(_gradients(model, _seeded(model, batch)))


def _flat(values: list[Tensor]) -> Tensor:
    return torch.cat([value.flatten().double() for value in values])


def _equal(one: Tensor, two: Tensor, scale: Tensor) -> bool:
    return bool((one - two).abs().max() <= 1e-4 * scale.abs().max())


def _mixing(model: nn.Module) -> str:
    names = [name for name, part in model.named_modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    if names:
        return f"({names[0]} normalises over the batch). Write norm: none, or norm: layer where there is one."
    return "(a loss or layer looks at several rows at once). Replace that part."


def in_pieces(way: Way, model: Model, batch: Batch, clip: float, pieces: int = 1) -> tuple[list[Tensor], Terms]:
    """The same from smaller batches, so that what is written out fits into memory; at least `pieces` of them."""
    rows = len(next(iter(batch.values())))
    held = sum(parameter.numel() for parameter in _written_out(model, way))
    memory = MEMORY if way is by_layer else 8 * MEMORY  # vmap needs many rows to be worth its while
    size = max(1, min(-(-rows // pieces), memory // max(held, 1)))
    sums, terms = way(model, {key: value[:size] for key, value in batch.items()}, clip)
    for start in range(size, rows, size):
        more, told = way(model, {key: value[start : start + size] for key, value in batch.items()}, clip)
        torch._foreach_add_(sums, more)
        terms = {name: (terms[name][0] + value, terms[name][1] + count) for name, (value, count) in told.items()}
    return sums, terms


def _written_out(model: nn.Module, way: Way) -> Iterator[nn.Parameter]:
    """The parameters of which the way holds a gradient for every row."""
    for layer in model.modules():
        if way is not by_layer or type(layer) not in (nn.Linear, nn.Embedding, nn.EmbeddingBag):
            yield from (parameter for parameter in layer.parameters(recurse=False) if parameter.requires_grad)


@contextmanager
def _watched(model: nn.Module) -> Iterator[dict[nn.Module, list[list[Any]]]]:
    """Of each layer with weights, every call: [what entered, gradient of what left]. The weights rest meanwhile, so
    that their own gradients are not computed as well."""
    calls: dict[nn.Module, list[list[Any]]] = {}

    def note(layer: nn.Module, given: tuple[Any, ...], result: Any) -> None:
        output = result[0] if isinstance(result, tuple) else result
        output.requires_grad_()  # also where nothing before it learns
        call = [given, output.new_zeros(()).expand(output.shape)]  # no gradient comes where it changes no loss
        calls.setdefault(layer, []).append(call)
        output.register_hook(lambda gradient: call.__setitem__(1, gradient))

    parameters = list(trainable(model).values())
    layers = [m for m in model.modules() if any(p.requires_grad for p in m.parameters(recurse=False))]
    overwriting: list[Any] = [part for part in model.modules() if getattr(part, "inplace", False)]
    handles = [layer.register_forward_hook(note) for layer in layers]
    try:
        for parameter in parameters:
            parameter.requires_grad_(False)
        for part in overwriting:  # what a layer gives must stay
            part.inplace = False
        yield calls
    finally:
        for handle in handles:
            handle.remove()
        for parameter in parameters:
            parameter.requires_grad_(True)
        for part in overwriting:
            part.inplace = True


def _linear(layer: nn.Linear, calls: list[list[Any]], rows: int) -> Found:
    entered = _together([_in_rows(given[0].detach(), rows) for given, _ in calls])
    left = _together([_in_rows(gradient, rows) for _, gradient in calls])
    return _products(layer, entered, left)


def _convolution(layer: nn.Conv2d, calls: list[list[Any]], rows: int) -> Found:
    plain = layer.groups == 1 and set(layer.dilation) == {1} and layer.padding_mode == "zeros"
    if not plain or isinstance(layer.padding, str):
        return _any(layer, calls, rows)
    (high, wide), (down, along), (top, side) = layer.kernel_size, layer.stride, layer.padding
    patches = []
    for (x,), _ in calls:
        x = F.pad(x.detach(), (side, side, top, top)) if top or side else x.detach()
        x = x.permute(0, 2, 3, 1).contiguous()  # of channels-last pictures this is no copy
        windows = x.unfold(1, high, down).unfold(2, wide, along)  # (B, H, W, C, high, wide), a view
        patches.append(windows.permute(0, 1, 2, 4, 5, 3).flatten(3).flatten(1, 2))
    left = [gradient.permute(0, 2, 3, 1).flatten(1, 2) for _, gradient in calls]
    squares, total = _products(layer, _together(patches), _together(left))

    def laid_out(factors: Tensor) -> dict[str, Tensor]:
        found = total(factors)
        weight = found["weight"].view(layer.out_channels, high, wide, layer.in_channels).permute(0, 3, 1, 2)
        return {**found, "weight": weight}

    return squares, laid_out


def _products(layer: Any, entered: Tensor, left: Tensor) -> Found:
    """Weights whose gradient of row b is `sum_t left[b, t] entered[b, t]^T`, from (B, T, I) and (B, T, O)."""
    steps, wide = entered.shape[1], entered.shape[2] * left.shape[2]
    biased = layer.bias is not None and layer.bias.requires_grad
    offsets = left.sum(1)
    each: Tensor | None = None
    if steps == 1:
        squares = entered.square().sum((1, 2)) * left.square().sum((1, 2))
    elif 2 * steps * steps < wide:
        squares = ((entered @ entered.mT) * (left @ left.mT)).sum((1, 2))
    else:
        each = left.mT @ entered
        squares = each.square().sum((1, 2))

    def total(factors: Tensor) -> dict[str, Tensor]:
        if each is not None:
            weight = (factors @ each.flatten(1)).view(each.shape[1:])
        else:
            weight = (left * factors[:, None, None]).flatten(0, 1).mT @ entered.flatten(0, 1)
        return {"weight": weight, **({"bias": factors @ offsets} if biased else {})}

    return squares + offsets.square().sum(1) if biased else squares, total


def _embedding(layer: nn.Embedding, calls: list[list[Any]], rows: int) -> Found:
    ids = torch.cat([_in_rows(given[0].unsqueeze(-1), rows)[..., 0] for given, _ in calls], 1)
    left = _together([_in_rows(gradient, rows) for _, gradient in calls])
    return _lookups(layer, ids, left)


def _bag(layer: nn.EmbeddingBag, calls: list[list[Any]], rows: int) -> Found:
    given, left = calls[0]
    ids = _in_rows(given[0].unsqueeze(-1), rows)[..., 0]
    if len(calls) > 1 or len(given) > 1 or layer.mode == "max":
        return _any(layer, calls, rows)
    shares = torch.ones_like(ids, dtype=left.dtype)
    if layer.padding_idx is not None:
        shares = (ids != layer.padding_idx).to(left.dtype)
    if layer.mode == "mean":
        shares = shares / shares.sum(1, keepdim=True).clamp(min=1)
    return _lookups(layer, ids, left.unsqueeze(1) * shares.unsqueeze(-1))


def _lookups(layer: Any, ids: Tensor, left: Tensor) -> Found:
    """A table whose row `ids[b, t]` gets `left[b, t]`, from (B, T) and (B, T, D): equal ids of a row add up."""
    if layer.padding_idx is not None:
        left = left * (ids != layer.padding_idx).unsqueeze(-1)
    squares = ((left @ left.mT) * (ids[:, :, None] == ids[:, None, :])).sum((1, 2))

    def total(factors: Tensor) -> dict[str, Tensor]:
        table = torch.zeros_like(layer.weight)
        return {"weight": table.index_add_(0, ids.flatten(), (left * factors[:, None, None]).flatten(0, 1))}

    return squares, total


def _recurrent(layer: nn.RNNBase, calls: list[list[Any]], rows: int) -> Found:
    """From a first state of zeros, of every row its own: vmap cannot write a row's state over one that all share."""

    def given(x: Tensor) -> tuple[Any, ...]:
        state = x.new_zeros(layer.num_layers * (1 + layer.bidirectional), 1, layer.hidden_size) + 0 * x.sum()
        return x[None], (state, state) if isinstance(layer, nn.LSTM) else state

    if any(len(entered) > 1 for entered, _ in calls):
        raise UserError("it is given a state.")
    return _any(layer, calls, rows, given)


def _row(*values: Tensor) -> tuple[Tensor, ...]:
    return tuple(value[None] for value in values)


def _any(layer: nn.Module, calls: list[list[Any]], rows: int, given: Callable[..., tuple] = _row) -> Found:
    """A layer without layers inside: its rows' gradients by vmap. given: what the layer takes for one row's input."""
    if list(layer.children()):
        raise UserError("it has weights beside layers that have some.")
    values = {name: parameter.detach() for name, parameter in layer.named_parameters(recurse=False)}

    def one(row: tuple[Tensor, ...], left: Tensor) -> dict[str, Tensor]:
        def run(values: dict[str, Tensor]) -> Tensor:
            result = functional_call(layer, values, given(*row))
            return (result[0] if isinstance(result, tuple) else result)[0]

        return vjp(run, values)[1](left)[0]

    each: dict[str, Tensor] = {}
    for entered, left in calls:
        inputs = tuple(value.detach() for value in entered)
        if any(len(value) != rows for value in inputs):
            raise UserError("its input is not one for each row.")
        with _silence(), torch.backends.mkldnn.flags(enabled=False):  # vmap knows no rule for its recurrent layers
            found = vmap(one, randomness="different")(inputs, left)
        each = {name: each[name] + value if each else value for name, value in found.items()}
    return _squares(each), lambda factors: {name: torch.tensordot(factors, value, 1) for name, value in each.items()}


@contextmanager
def _silence() -> Iterator[None]:
    """Without torch's remarks on what it could do faster."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _together(calls: list[Tensor]) -> Tensor:
    """(B, T, D) of several calls side by side; one is not copied."""
    return calls[0] if len(calls) == 1 else torch.cat(calls, 1)


def _in_rows(x: Tensor, rows: int) -> Tensor:
    """(B, ..., D) -> (B, T, D)."""
    if len(x) != rows:
        raise UserError("its input is not one for each row.")
    return x.reshape(rows, -1, x.shape[-1])


_RULES: dict[type, Callable[[Any, list[list[Any]], int], Found]] = {
    nn.Linear: _linear,
    nn.Conv2d: _convolution,
    nn.Embedding: _embedding,
    nn.EmbeddingBag: _bag,
    nn.RNN: _recurrent,
    nn.LSTM: _recurrent,
    nn.GRU: _recurrent,
}
