"""Encoders, a fuse, and a head for each target: what models that read columns are made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from .. import parts
from ..blocks.masks import read_tokens
from ..blocks.pooling import Pool
from ..blocks.stream import Batch, Source, Stream, usual_encoder
from ..errors import UserError, did_you_mean
from ..losses import Loss

_ENCODERS = {"table": "mlp", "vector": "mlp", "image": "cnn", "text": "bag"}  # where the recipe names none


class Assembly(nn.Module):
    """Each source through its encoder and pooling, all through the fuse, and the result through a head a target.

    sources: what is read. targets: name -> (kind of column, its sizes).
    A head that `reads = "sequence"` gets the steps of one encoder, unpooled; one with `target_of(batch)` writes again what
    an encoder read, or, with `corrupted(batch)`, what was hidden from it. Where the fuse gives a distribution, losses are taken at one draw and
    predictions at the mean.
    A head that `ranks` tokens has `predict(stream, target=None)`: where the batch has the target, it tells where the true ones
    come. Its stream knows what the input of its option `source` holds.
    `weights` holds the factors of loss terms that are not 1; whoever adds the terms multiplies. An encoder or fuse
    that adds terms through `Stream.aux` also has `counts(batch)`, their counts without a forward pass.

    Options:
        encoders: source name -> encoder config; a source left out gets the usual encoder of its kind.
        fuse: config of what joins the encoders' outputs.
        heads: target name -> head config; a target left out gets the head of its column's kind.
        weights: term name -> factor of its loss, 1 where left out; "uncertainty" learns the factors (Kendall 2018).
    """

    def __init__(
        self,
        sources: list[Source],
        targets: dict[str, tuple[str, dict[str, Any]]],
        *,
        encoders: dict[str, Any] | None = None,
        fuse: Any = "concat",
        heads: dict[str, Any] | None = None,
        weights: dict[str, float] | Literal["uncertainty"] | None = None,
    ) -> None:
        super().__init__()
        encoders, heads = encoders or {}, heads or {}
        _known(encoders, [source.name for source in sources], "encoders")
        _known(heads, targets, "heads")
        self.names = [source.name for source in sources]
        self.encoders, self.pools = nn.ModuleDict(), nn.ModuleDict()
        for source in sources:
            encoder = _encoder(encoders.get(source.name, _usual(source)), source)
            self.encoders[_key(source.name)] = encoder
            self.pools[_key(source.name)] = Pool(
                getattr(encoder, "pool", "mean"),
                encoder.width,
                encoder.length,
                backward=getattr(encoder, "backward", 0),
                where=f"model.encoders.{source.name}.pool",
            )
        configs = {name: heads.get(name, kind) for name, (kind, _) in targets.items()}
        steps = {s.name: getattr(self.encoders[_key(s.name)], "steps", "tokens") for s in sources if s.kind != "table"}
        self.read = {name: _sequence(name, config, steps) for name, config in configs.items() if _reads_steps(config)}
        self.fuse: Any = None  # where one encoder feeds heads of sequences alone, nothing is fused
        if len(self.read) == len(targets):  # channels stay apart: what reads them is not fed their mixture too
            for key in {_key(name) for name, given in steps.items() if given == "channels"} & {*self.read.values()}:
                del self.pools[key]
        if len(self.pools) > 1 or (self.pools and len(sources) > len(self.pools)) or len(self.read) < len(targets):
            with _at("model.fuse"):
                self.fuse = parts.build("fuse", fuse, [pool.width for pool in self.pools.values()])
        else:
            self.pools = nn.ModuleDict()
        self.targets = list(targets)
        self.heads, self.beside = nn.ModuleDict(), nn.ModuleDict()  # beside: what the others add to a sequence
        for name, (_, sizes) in targets.items():
            width: Any = self.encoders[self.read[name]].width if name in self.read else self.fuse.width
            self.heads[_key(name)] = parts.build("heads", configs[name], width, sizes)
            _agree(name, self.head(name), self.encoders[self.read[name]] if name in self.read else None)
            if name in self.read and self.fuse is not None:
                self.beside[_key(name)] = nn.Linear(self.fuse.width, width)
        learned = weights == "uncertainty"
        self.ranked = {n: _read_by(n, self.head(n), sources) for n in targets if hasattr(self.head(n), "ranks")}
        self.weights: dict[str, float] = {} if learned or weights is None else dict(weights)  # type: ignore[arg-type]
        self.uncertainty = nn.Parameter(torch.zeros(len(targets))) if learned else None
        self.exits: Any = None  # where rows may leave before the last block (`blocks/exits.py`)

    def forward(self, batch: Batch) -> dict[str, Loss]:
        """Loss terms by name: one for each target, and those the encoders or the fuse add."""
        streams = self.streams(batch, drawn=True)
        terms = {name: term for stream in streams.values() for name, term in stream.aux.items()}
        for number, name in enumerate(self.targets):
            total, count = self.head(name).loss(streams[name], self.target(name, batch))
            if self.uncertainty is not None and self.training:  # L / variance + log variance, in sums
                log_variance = self.uncertainty[number]
                total = torch.exp(-log_variance) * total + log_variance * count
            terms[name] = (total, count)
        return terms

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """The terms' counts, without a forward pass."""
        terms: dict[str, Tensor] = {}
        for part in [*self.encoders.values(), *([self.fuse] if self.fuse else [])]:
            if hasattr(part, "counts"):
                terms.update(part.counts(batch))
        return terms | {name: self.head(name).count(self.target(name, batch)) for name in self.targets}

    def predict(self, batch: Batch, only: Collection[str] | None = None) -> dict[str, dict[str, Tensor]]:
        """Each target's tensors, in its column's code; of the targets in `only` where they are named."""
        if self.exits is not None:
            return {self.targets[0]: self.exits.predict(self, batch)}
        streams = self.streams(batch)
        asked = [name for name in self.targets if only is None or name in only]
        truth = {name: (batch[f"target.{name}"],) for name in self.ranked if f"target.{name}" in batch}
        return {name: self.head(name).predict(streams[name], *truth.get(name, ())) for name in asked}

    def begin(self, batches: Callable[[], Iterable[Batch]]) -> None:
        """Let the heads that rank tokens take from the training rows what they begin with."""
        for name, source in self.ranked.items():
            if source is not None and hasattr(self.head(name), "begin"):
                rows = ((read_tokens(batch, source)[0], self.target(name, batch)) for batch in batches())
                self.head(name).begin(rows, getattr(self.encoders[_key(source)], "embeddings", None))

    def at_step(self, step: int) -> None:
        """Tell the parts whose loss changes as they are trained."""
        for part in (*self.encoders.values(), self.fuse):
            if hasattr(part, "at_step"):
                part.at_step(step)

    def target(self, name: str, batch: Batch) -> Tensor:
        """What a batch holds for a target's head."""
        head = self.head(name)
        return head.target_of(batch) if hasattr(head, "target_of") else batch[f"target.{name}"]

    @property
    def rebuilt(self) -> list[str]:
        """The targets that are inputs too."""
        return [name for name in self.targets if hasattr(self.head(name), "target_of")]

    def streams(self, batch: Batch, drawn: bool = False) -> dict[str, Stream]:
        """What each target's head reads: all encoders pooled and fused, or, for a head of sequences, every step of one
        encoder with the others, as one vector, added at each step. drawn: a draw in place of a distribution's mean, in
        evaluation always the same ones."""
        hiding: list[Any] = [head for head in self.heads.values() if hasattr(head, "corrupted")]
        for head in hiding:
            batch = head.corrupted(batch)
        encoded = {key: encoder(batch) for key, encoder in self.encoders.items()}
        fused = self.fuse([pool(encoded[key]) for key, pool in self.pools.items()]) if self.fuse else None
        if drawn and fused is not None:
            fused = fused.drawn(None if self.training else torch.Generator().manual_seed(0))
        streams: dict[str, Any] = {}
        for name in self.targets:
            streams[name] = encoded[self.read[name]] if name in self.read else fused
            if name in self.read and fused is not None:
                beside = self.beside[_key(name)](fused.x.mean(1, keepdim=True))
                streams[name] = replace(streams[name], x=streams[name].x + beside)
        for name, source in self.ranked.items():
            if source is not None:
                (ids, mask), encoder = read_tokens(batch, source), self.encoders[_key(source)]
                table = getattr(encoder, "embeddings", None)
                streams[name] = replace(streams[name], read=ids.long() * mask, table=table)
        return streams

    @property
    def written(self) -> dict[str, Any]:
        """The heads by target: those that can generate have `step`."""
        return {name: self.head(name) for name in self.targets}

    @property
    def measured_by(self) -> dict[str, str]:
        """How each target's model is measured: by "predictions"; by "both" where the loss cannot be told from them; by
        "loss" alone, while training, where predicting is slow."""
        return {name: getattr(self.head(name), "measured_by", "predictions") for name in self.targets}

    def head(self, name: str) -> Any:
        """The head of a target."""
        return self.heads[_key(name)]


def _usual(source: Source) -> str:
    """The encoder of a source for which the recipe names none."""
    return _ENCODERS[source.kind] if source.kind in _ENCODERS else usual_encoder(source)


def _encoder(config: Any, source: Source) -> Any:
    """The source's encoder; raises UserError where the kind cannot read the source."""
    kind, _ = parts.split(config)
    able = parts.find("encoders", kind).reads  # type: ignore[attr-defined]
    if source.kind not in able:
        raise UserError(
            f"{kind} does not read {source.kind}, only {', '.join(able)}.", where=f"model.encoders.{source.name}"
        )
    with _at(f"model.encoders.{source.name}"):
        return parts.build("encoders", config, source)


def _reads_steps(config: Any) -> bool:
    """Whether a head reads a sequence step by step."""
    return getattr(parts.find("heads", parts.split(config)[0]), "reads", "pooled") == "sequence"


def _sequence(target: str, config: Any, steps: dict[str, str]) -> str:
    """The encoder whose steps a head of sequences reads: the one its option `source` names, or the only one there is. steps:
    source -> what its encoder's steps are, tokens or the channels of a series; a head asks for either."""
    kind, options = parts.split(config)
    named, wanted = options.get("source"), getattr(parts.find("heads", kind), "steps", "tokens")
    fitting = [name for name, given in steps.items() if given == wanted and name == (named or name)]
    if len(fitting) == 1:
        return _key(fitting[0])
    known, where = list(steps), f"model.heads.{target}"
    if named and named not in known:
        raise UserError(f"there is no '{named}'.", where=f"{where}.source", hint=did_you_mean(named, known))
    if not fitting and known and wanted != "tokens":
        able = [k for k in parts.kinds("encoders") if getattr(parts.find("encoders", k), "steps", "") == wanted]
        hint = f"Encoders that do: {', '.join(able)}."
        raise UserError(f"the head {kind} reads {wanted}, and no encoder gives them.", where=where, hint=hint)
    message = f"the head reads one sequence, and there are {len(known)}."
    hint = f"Name one of them as source: {', '.join(known)}." if known else "Give it a text, a picture or a vector."
    raise UserError(message, where=where, hint=hint)


def _agree(target: str, head: Any, encoder: Any) -> None:
    """Raise UserError where a head that tells what comes next reads an encoder that has seen it, or one that has no
    embeddings to share."""
    where = f"model.heads.{target}"
    if getattr(head, "causal", False) and not getattr(encoder, "causal", False):
        hint = "Take one that reads in one direction: {kind: transformer, causal: true} or {kind: rnn}."
        raise UserError("the head tells what comes next, and the encoder has looked ahead.", where=where, hint=hint)
    if getattr(head, "tied", False) and getattr(encoder, "embeddings", None) is None:
        hint = "Set tied: false, or take a transformer."
        raise UserError("the head shares the embeddings of an encoder that has none.", where=where, hint=hint)


def _read_by(target: str, head: Any, sources: list[Source]) -> str | None:
    """The input of which a head that ranks tokens must know what it holds: the one it names, or the only text."""
    texts = [source.name for source in sources if source.kind == "text"]
    if head.source and head.source not in texts:
        where = f"model.heads.{target}.source"
        raise UserError(f"there is no '{head.source}'.", where=where, hint=did_you_mean(head.source, texts))
    return head.source or (texts[0] if len(texts) == 1 else None)


@contextmanager
def _at(key: str) -> Iterator[None]:
    """Name the recipe's key in a mistake that a part finds in its options without knowing where they stand."""
    try:
        yield
    except UserError as error:
        raise UserError(error.message, where=error.where or key, hint=error.hint) from None


def _known(given: dict[str, Any], known: Any, option: str) -> None:
    for name in given:
        if name not in known:
            raise UserError(f"there is no '{name}'.", where=f"model.{option}.{name}", hint=did_you_mean(name, known))


def _key(name: str) -> str:
    """A column's name as a module's name: without a dot, and with a prefix that no method of nn.ModuleDict has."""
    return "of_" + name.replace("%", "%25").replace(".", "%2E")
