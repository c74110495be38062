"""Several encoders of one input, each judged on its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Literal

from torch import Tensor, nn

from .. import parts
from ..blocks.pooling import Pool
from ..blocks.stream import Batch, Source, Stream, in_a_row
from ..errors import UserError
from ..parts import Count, Encoders, Share


class Ensemble(nn.Module):
    """Encoders side by side, of different kinds or of one, whose errors differ: the head's loss is the mean of the
    members' losses and its prediction the mean of their predictions (Hansen 1990). Joined by a fuse instead, the member
    that learns fastest would leave the others little to learn.

    Each member is pooled in its own way and mapped to `width` numbers.

    Options:
        members: the encoders' configs; none means two usual ones of the source's kind.
        width: numbers that each member hands to the head.
        dropout: share of each pooled member's values set to zero while training.
        mirror: when predicting, each member also sees pictures mirrored left and right, as a further member.
        pool: "none" hands all members to the head, "mean" averages their features.
    """

    reads = ("table", "text", "image", "vector")
    usual: ClassVar[dict[str, tuple[str, ...]]] = {
        "table": ("mlp", "transformer"),
        "text": ("bag", "cnn"),
        "image": ("cnn", "mlp"),
        "vector": ("mlp", "cnn"),
    }
    sizes: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {"width": 64},
        "medium": {"width": 128},
        "large": {"width": 256},
    }

    def __init__(
        self,
        source: Source,
        *,
        members: Encoders = (),
        width: Count = 128,
        dropout: Share = 0.0,
        mirror: bool = False,
        pool: Literal["none", "mean"] = "none",
    ) -> None:
        super().__init__()
        if mirror and source.kind != "image":
            raise UserError("only pictures can be mirrored.", where=f"model.encoders.{source.name}.mirror")
        self.mirrored = source.name if mirror else None
        self.members, self.pools, self.exits = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        lengths = []
        for place, config in enumerate(members or self.usual[source.kind]):
            member, pooling = _member(config, source, place)
            self.members.append(member)
            self.pools.append(pooling)
            self.exits.append(nn.Sequential(nn.Dropout(dropout), nn.Linear(pooling.width, width)))
            lengths.append(member.length if pooling.kind == "none" else 1)
        self.pool, self.width = pool, width
        self.length = None if mirror or None in lengths else sum(lengths)

    def forward(self, batch: Batch) -> Stream:
        streams = self._streams(batch)
        if self.mirrored and not self.training:
            streams += self._streams({**batch, self.mirrored: batch[self.mirrored].flip(2)})
        return in_a_row(streams)

    def _streams(self, batch: Batch) -> list[Stream]:
        """What each member makes of a batch."""
        streams = []
        for place, (member, pool, leave) in enumerate(zip(self.members, self.pools, self.exits)):
            stream = pool(member(batch))
            aux = {f"{name}.{place}": term for name, term in stream.aux.items()}
            streams.append(replace(stream, x=leave(stream.x), aux=aux))
        return streams

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """The counts of the loss terms that members add, without a forward pass."""
        members: list[Any] = list(self.members)
        counting = [(place, member) for place, member in enumerate(members) if hasattr(member, "counts")]
        return {f"{name}.{place}": n for place, member in counting for name, n in member.counts(batch).items()}


def _member(config: Any, source: Source, place: int) -> tuple[Any, Pool]:
    """One member and its pooling; raises UserError that names it where it cannot be built."""
    key = f"model.encoders.{source.name}"
    try:
        member = parts.build("encoders", config, source)
        backward = getattr(member, "backward", 0)
        pool = Pool(
            getattr(member, "pool", "mean"), member.width, member.length, backward=backward, where=f"{key}.pool"
        )
        return member, pool
    except UserError as error:
        inner = error.where.removeprefix(key) if error.where.startswith(key) else ""
        raise UserError(error.message, where=f"{key}.members.{place}{inner}", hint=error.hint) from None
