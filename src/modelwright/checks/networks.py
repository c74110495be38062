"""Contract checks of encoders, fuses and heads on small random batches."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .. import parts
from ..blocks.pooling import Pool
from ..blocks.stream import Batch, Source, Stream
from ..data.encoding import Encoded
from ..errors import UserError
from .running import Check, close, option_checks, require, run_checks

ROWS, LONGEST = 6, 11


def check_encoder(encoder: type, **options: Any) -> list[str]:
    """Shapes, padding, gradients, independence of rows, precision and state of an encoder, on each source it reads."""
    options = options or _ENCODER_OPTIONS.get(encoder.__name__.lower(), {})
    checks = option_checks(encoder)
    reads = getattr(encoder, "reads", ())
    checks.append(("declares what it reads", lambda: require(reads and all(map(_known, reads)), f"reads {reads}")))
    for kind in reads:
        checks += [(f"{kind}: {name}", run) for name, run in _encoder_checks(encoder, kind, options)]
    return run_checks(encoder, checks)


def check_fuse(fuse: type, **options: Any) -> list[str]:
    """Shapes, members, gradients, independence of rows, precision and state of a fuse."""
    return run_checks(fuse, [*option_checks(fuse), *_fuse_checks(fuse, options)])


def check_head(
    head: type, sizes: dict[str, Any] | None = None, target: Tensor | None = None, **options: Any
) -> list[str]:
    """Counts, missing targets, members, learning, precision and state of a head.

    sizes and target (6 rows, the last one missing), where none are given, are the head's own `examples`, which may have
    options behind them.
    """
    if sizes is None or target is None:
        sizes, target, *more = _HEAD_CASES.get(head.__name__.lower()) or head.examples  # type: ignore[attr-defined]
        options = {**dict(*more), **options}
    return run_checks(head, [*option_checks(head), *_head_checks(head, sizes, target, options)])


# ---- encoders

_BERT = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
_ENCODER_OPTIONS: dict[str, dict[str, Any]] = {  # where the defaults alone build nothing
    "pretrained": {"config": {"model_type": "bert", "vocab_size": 15, "max_position_embeddings": 32, **_BERT}},
}
_SOURCES: dict[str, dict[str, Any]] = {
    "table": {"number": 3, "boolean": 2, "category": [4, 9]},
    "text": {"vocabulary": 30, "length": LONGEST, "pieces": 15, "sites": list(range(LONGEST))},
    "image": {"height": 12, "width": 10, "channels": 3, "mean": [0.4, 0.5, 0.6], "deviation": [0.2, 0.25, 0.3]},
    "vector": {"size": 13},
}


def _known(kind: str) -> bool:
    """Whether there is a sample of a kind of source."""
    try:
        return kind in _SOURCES or hasattr(parts.find("columns", kind), "examples")
    except UserError:
        return False


def _of_column(kind: str, rows: int) -> tuple[Source, Batch]:
    """What a column makes of its own `examples`."""
    import pyarrow as pa

    column = parts.build("columns", kind, "sample")
    cells = (column.examples * rows)[:rows]
    column.fit(pa.array(cells))
    column.finish()
    encoded = Encoded({"sample": column.encode(pa.array(cells))}, {}, rows)
    return Source("sample", kind, column.sizes()), encoded.batch(np.arange(rows))


def sample(kind: str, rows: int = ROWS, seed: int = 0) -> tuple[Source, Batch]:
    """A source of that kind and a random batch of it; the last text is empty, and padding ids are not all 0."""
    if kind not in _SOURCES:
        return _of_column(kind, rows)
    source, random = Source("sample", kind, _SOURCES[kind]), torch.Generator().manual_seed(seed)
    if kind == "table":
        return source, {
            "number": torch.randn(rows, 3, generator=random),
            "boolean": torch.randint(-1, 2, (rows, 2), generator=random).float(),
            "category": torch.randint(0, 4, (rows, 2), generator=random, dtype=torch.int32),
        }
    if kind == "text":
        lengths = torch.tensor([LONGEST - 2, 5, 1, 2, 7, 0] * (rows // ROWS + 1))[:rows]
        ids = torch.randint(1, 30, (rows, LONGEST), generator=random, dtype=torch.int32)
        mask = torch.arange(LONGEST) < lengths[:, None]
        return source, {"sample": ids * mask, "sample.mask": mask}
    if kind == "image":
        return source, {"sample": torch.randint(0, 256, (rows, 12, 10, 3), generator=random, dtype=torch.uint8)}
    return source, {"sample": torch.randn(rows, 13, generator=random)}


class _Pooled(nn.Module):
    """An encoder with its pooling."""

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder = encoder
        self.pool = Pool(encoder.pool, encoder.width, encoder.length, backward=getattr(encoder, "backward", 0))

    def forward(self, batch: Batch) -> Tensor:
        stream = self.pool(self.encoder(batch))
        if stream.mask is not None:  # pool "none": what lies at padding is nobody's business
            return (stream.x * stream.mask.unsqueeze(-1)).sum(1, keepdim=True)
        return stream.x


def _encoder_checks(encoder: type, kind: str, options: dict[str, Any]) -> list[Check]:
    def build(**given: Any) -> _Pooled:
        torch.manual_seed(1)
        return _Pooled(encoder(sample(kind)[0], **{**options, **given})).eval()

    def shapes() -> None:
        # options given for this check may contradict those of a size
        for size in ({}, *(() if options else getattr(encoder, "sizes", {}).values())):
            inner = build(**parts.validate(encoder, size)[0]).encoder
            stream = inner(sample(kind)[1])
            rows, length, width = stream.x.shape
            require((rows, width) == (ROWS, inner.width), f"x is {tuple(stream.x.shape)} and width {inner.width}")
            require(length >= 1 and inner.length in (None, length), f"T is {length}, length says {inner.length}")
            if stream.mask is not None:
                require(
                    stream.mask.shape == (rows, length) and stream.mask.dtype == torch.bool, "mask is not bool (B, T)"
                )
            require(torch.isfinite(stream.x).all(), "x is not finite")

    def one_row() -> None:
        first = {key: value[:1] for key, value in sample(kind)[1].items()}
        require(torch.isfinite(build().train()(first)).all(), "training on a batch of one row is not finite")

    def padding() -> None:
        module, batch = build(), sample(kind)[1]
        longer = {
            key: torch.cat([value, torch.zeros_like(value[:, :1]).repeat_interleave(5, 1)], 1)
            for key, value in batch.items()
        }
        outside = ~longer["sample.mask"].view(ROWS, -1, *[1] * (longer["sample"].ndim - 2))
        longer["sample"] = longer["sample"].masked_fill(outside, 7)
        close(module(longer), module(batch), "more padding, with other ids in it, changes the result")
        length = int(batch["sample.mask"][1].sum())
        alone = {key: value[1:2, :length] for key, value in batch.items()}
        close(module(alone), module(batch)[1:2], "a row without its padding gives another result")

    yes: list[Check] = [("shapes", shapes), ("a batch of one row", one_row)]
    if _known(kind) and "sample.mask" in sample(kind)[1]:
        yes.append(("padding changes nothing", padding))
    return yes + _module_checks(build, lambda: sample(kind)[1], lambda module, batch: module(batch))


def _module_checks(
    build: Callable[[], Any], inputs: Callable[[], Any], call: Callable[[Any, Any], Tensor]
) -> list[Check]:
    """What holds for anything with weights: gradients, independent rows, seeds, state and bfloat16."""

    def gradients() -> None:
        module = build().train()
        if not list(module.parameters()):
            return
        torch.manual_seed(2)
        result = call(module, inputs())
        (result * torch.randn_like(result)).sum().backward()
        missing = [name for name, weight in module.named_parameters() if weight.grad is None]
        require(not missing, f"no gradient reaches {missing}")
        broken = [name for name, weight in module.named_parameters() if not torch.isfinite(weight.grad).all()]
        require(not broken, f"the gradient of {broken} is not finite")

    def rows() -> None:
        module, order = build(), torch.arange(ROWS - 1, -1, -1)
        turned = _each(inputs(), lambda x: x[order])
        close(call(module, turned), call(module, inputs())[order], "the order of the rows changes their results")
        half = _each(inputs(), lambda x: x[:3])
        close(call(module, half), call(module, inputs())[:3], "other rows of the batch change a row's result")

    def seeds() -> None:
        for (name, one), other in zip(build().state_dict().items(), build().state_dict().values()):
            require(torch.equal(one, other), f"{name} differs between two builds with one seed")

    def state() -> None:
        module, other = build(), build()
        with torch.no_grad():
            for weight in other.parameters():
                weight.add_(1)
        file = io.BytesIO()
        torch.save(module.state_dict(), file)
        file.seek(0)
        other.load_state_dict(torch.load(file, weights_only=True))
        close(call(other, inputs()), call(module, inputs()), "loading the state gives other results", 1e-6)

    def half() -> None:
        module = build()
        with torch.autocast("cpu", torch.bfloat16):
            require(torch.isfinite(call(module, inputs())).all(), "bfloat16 autocast is not finite")

    return [
        ("gradients reach every parameter", gradients),
        ("rows are independent", rows),
        ("the seed decides the weights", seeds),
        ("state round trip", state),
        ("bfloat16", half),
    ]


def _each(inputs: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The change applied to every tensor of a batch or of streams."""
    if isinstance(inputs, dict):
        return {key: change(value) for key, value in inputs.items()}
    return [Stream(change(s.x), None if s.mask is None else change(s.mask), s.grid, s.aux) for s in inputs]


# ---- fuse


def _fuse_checks(fuse: type, options: dict[str, Any]) -> list[Check]:
    def build() -> Any:
        torch.manual_seed(1)
        return fuse([5, 3], **options).eval()

    def inputs(members: int = 1) -> list[Stream]:
        random = torch.Generator().manual_seed(0)
        shapes = [(ROWS, 1, 5), (ROWS, members, 3)]
        return [Stream(torch.randn(shape, generator=random)) for shape in shapes]

    def shapes() -> None:
        for streams in (inputs(), inputs(members=4)):
            module = build()
            x = module(streams).x
            require(x.ndim == 3 and (x.shape[0], x.shape[2]) == (ROWS, module.width), f"x is {tuple(x.shape)}")

    def aux() -> None:
        streams = [Stream(stream.x, aux={f"term{i}": (torch.ones(()),) * 2}) for i, stream in enumerate(inputs())]
        found = set(build()(streams).aux)
        require(found >= {"term0", "term1"}, f"of the streams' aux terms only {sorted(found)} are handed on")

    checks: list[Check] = [("shapes and members", shapes), ("aux terms are handed on", aux)]

    def read(module: Any, streams: list[Stream]) -> Tensor:  # as the model does: drawn for losses, the mean to predict
        stream = module(streams)
        return (stream.drawn() if module.training else stream).x

    def counts() -> None:
        module, rows = build(), {"sample": torch.zeros(ROWS, 1)}
        for name, count in module.counts(rows).items() if hasattr(module, "counts") else ():
            close(count, module(inputs()).aux[name][1], f"the count of {name} is not that of the forward pass", 1e-6)

    checks.append(("counts without a forward pass", counts))
    return checks + _module_checks(build, inputs, read)


# ---- heads

_NAN = float("nan")
_HEAD_CASES: dict[str, tuple[dict[str, Any], Tensor]] = {
    "category": ({"classes": ["a", "b", "c"], "counts": [2, 2, 1]}, torch.tensor([0, 1, 2, 1, 0, -1])),
    "number": ({}, torch.tensor([0.3, -1.0, 2.0, 0.0, 1.0, _NAN])),
    "boolean": ({"classes": ["no", "yes"], "counts": [3, 2]}, torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0, _NAN])),
    "multilabel": (
        {"classes": ["a", "b"], "counts": [3, 2]},
        torch.tensor([[0.0, 1.0], [1, 1], [0, 0], [1, 0], [0, 1], [_NAN, _NAN]]),
    ),
    "sequence": (
        {"vocabulary": 7, "length": 4, "end": 0, "unknown": 1},
        torch.tensor([[2, 3, 0, -1], [4, 0, -1, -1], [5, 6, 5, 6], [3, 0, -1, -1], [2, 2, 0, -1], [-1] * 4]),
    ),
    "tags": (
        {"classes": ["a", "b", "c"]},
        torch.tensor([[0, 1, 2, -1], [1, 0, -1, -1], [2, 2, 1, 0], [0, -1, -1, -1], [1, 1, 2, -1], [-1] * 4]),
    ),
    "vector": ({"size": 2}, torch.tensor([[0.0, 1.0], [1, 1], [0, 0], [1, 0], [0, 1], [_NAN, _NAN]])),
    "reconstruct": (
        {"source": Source("sample", "vector", {"size": 2})},
        torch.tensor([[0.0, 1.0], [1, 1], [0, 0], [1, 0], [0, 1], [_NAN, _NAN]]),
    ),
}

_HEAD_CASES["ctc"] = _HEAD_CASES["sequence"]
_HEAD_CASES["masked"] = ({"source": Source("sample", "text", _SOURCES["text"])}, _HEAD_CASES["tags"][1])


def _learns(module: Any, stream: Stream, target: Tensor) -> None:
    optimizer, losses = torch.optim.Adam(module.parameters(), lr=0.01), []
    for _ in range(30):
        total, count = module.loss(stream, target)
        losses.append(float(total.detach() / count))
        optimizer.zero_grad()
        (total / count).backward()
        optimizer.step()
    require(losses[-1] < losses[0], f"30 steps take the loss from {losses[0]:.3g} to {losses[-1]:.3g}")
    require(all(torch.isfinite(weight).all() for weight in module.parameters()), "weights are not finite")


def _predicted(module: Any, stream: Stream) -> Tensor:
    values = module.predict(stream).values()
    return torch.cat([value.flatten(1) if value.ndim > 1 else value[:, None] for value in values], 1)


def _averages(module: Any, one: Stream, three: Stream, target: Tensor) -> None:
    for single, equal in zip(module.loss(one, target), module.loss(three, target)):
        close(equal, single, "three equal members give another loss than one")
    close(_predicted(module, three), _predicted(module, one), "three equal members predict otherwise than one")


def _head_checks(head: type, sizes: dict[str, Any], target: Tensor, options: dict[str, Any]) -> list[Check]:
    sequence = getattr(head, "reads", "pooled") == "sequence"

    def build() -> Any:
        torch.manual_seed(1)
        return head(4, sizes, **options).eval()

    def inputs(members: int = 1) -> list[Stream]:
        random = torch.Generator().manual_seed(0)
        if sequence:  # as many steps as the target, which some heads demand
            return [Stream(torch.randn(*target.shape[:2], 4, generator=random))]
        return [Stream(torch.randn(ROWS, 1, 4, generator=random).expand(-1, members, -1))]

    def with_target() -> dict[str, Tensor]:
        return {"x": inputs()[0].x, "target": target}

    def losses(module: Any, given: dict[str, Tensor]) -> Tensor:
        rows = zip(given["x"].split(1), given["target"].split(1))
        return torch.stack([module.loss(Stream(x), row)[0] for x, row in rows])[:, None]

    def used(module: Any, streams: list[Stream]) -> Tensor:  # what trains is the loss
        return module.loss(streams[0], target)[0][None, None] if module.training else _predicted(module, streams[0])

    def counts() -> None:
        module = build()
        total, count = module.loss(inputs()[0], target)
        require(total.shape == count.shape == () and total.dtype == torch.float32, "loss is not two float32 scalars")
        close(module.count(target), count, "count(target) is not the loss's count", 1e-6)
        parts_ = [module.loss(Stream(inputs()[0].x[rows]), target[rows]) for rows in (slice(0, 2), slice(2, ROWS))]
        close(sum(part[0] for part in parts_), total, "the sum over two half batches is not the batch's")
        close(sum(part[1] for part in parts_), count, "the count over two half batches is not the batch's")

    def missing() -> None:
        module = build()
        total, count = module.loss(Stream(inputs()[0].x[-1:]), target[-1:])
        require(not total.any() and not count.any(), f"a missing target gives sum {total} and count {count}")
        with_it, without = (module.loss(Stream(inputs()[0].x[:rows]), target[:rows])[0] for rows in (ROWS, ROWS - 1))
        close(with_it, without, "a missing target changes the loss", 1e-6)

    checks: list[Check] = [
        ("counts", counts),
        ("missing targets", missing),
        ("learning", lambda: _learns(build(), inputs()[0], target)),
    ]
    if sequence:  # what it writes is whole numbers, which have no gradient
        return checks + _module_checks(build, with_target, losses)
    checks.append(("members", lambda: _averages(build(), inputs()[0], inputs(members=3)[0], target)))
    return checks + _module_checks(build, inputs, used)
