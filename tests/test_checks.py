"""The contract checks pass on every part of the house, and find what is wrong with broken ones."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from modelwright import checks, parts
from modelwright.blocks.stream import Source, Stream
from modelwright.encoders.rnn import Rnn
from modelwright.fuse.concat import Concat
from modelwright.heads.number import Number


@pytest.mark.parametrize(
    ("room", "kind"),
    [(room, kind) for room in ("columns", "encoders", "fuse", "heads", "models") for kind in parts.kinds(room)],
)
def test_every_part_found_keeps_its_contract(room, kind, monkeypatch):
    monkeypatch.setattr(parts, "kinds", lambda _: [kind])
    assert len(checks.check_room(room)[kind]) >= 2


def broken(base: type, **changes) -> type:
    """A subclass of a part with something changed and the same docstring."""
    return type(base.__name__, (base,), {"__doc__": base.__doc__, **changes})


def failures(check, part: type) -> str:
    with pytest.raises(AssertionError) as caught:
        check(part)
    return str(caught.value)


def reading_padding(self, batch):
    return Stream(self.layers(self.inputs(batch)[0]))


def mixing_rows(self, batch):
    stream = Rnn.forward(self, batch)
    return stream.with_x(stream.x + stream.x.mean(0, keepdim=True))


def losing_width(self, batch):
    stream = Rnn.forward(self, batch)
    return stream.with_x(stream.x[..., 1:])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"forward": reading_padding}, "text: padding changes nothing: AssertionError: more padding, with other ids"),
        ({"forward": mixing_rows}, "vector: rows are independent: AssertionError: other rows of the batch change"),
        ({"forward": losing_width}, "image: shapes: AssertionError: x is (6, 12, 127) and width 128"),
        ({"__doc__": "An encoder.\n\nOptions:\n    cell: which."}, "options are documented: AssertionError: options ["),
        (
            {"sizes": {"small": {"hiden": 3}}},
            "sizes are valid options: AssertionError: small: [Problem(path=('hiden',)",
        ),
        ({"reads": ("table",)}, "table: shapes: UserError"),
        ({"reads": ()}, "declares what it reads"),
        ({"reads": ("smell",)}, "declares what it reads"),
    ],
)
def test_broken_encoders_are_found(changes, message):
    changes = {"reads": ("text", "image", "vector"), **changes}
    assert message in failures(checks.check_encoder, broken(Rnn, **changes))


class Idle(nn.Module):
    """An encoder with a weight that it does not use.

    Options:
        pool: none.
    """

    reads = ("vector",)

    def __init__(self, source: Source, *, pool: str = "none") -> None:
        super().__init__()
        self.used, self.unused = nn.Linear(source.sizes["size"], 3), nn.Linear(2, 2)
        self.pool, self.width, self.length = pool, 3, 1

    def forward(self, batch):
        return Stream(self.used(batch["sample"]).unsqueeze(1))


def test_unused_weights_are_found_by_name():
    message = failures(checks.check_encoder, Idle)
    assert "no gradient reaches ['encoder.unused.weight', 'encoder.unused.bias']" in message
    assert message.count("\n") == 1  # and nothing else is wrong with it


def constant_count(self, target):
    return torch.tensor(float(len(target)))


def counting_missing(self, stream, target):
    return (self.output(stream.x)[:, 0, 0] - target.nan_to_num(0.0)).square().sum(), constant_count(self, target)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"count": constant_count}, "counts: AssertionError: count(target) is not the loss's count"),
        ({"loss": counting_missing}, "missing targets: AssertionError: a missing target gives"),
        ({"predict": lambda self, stream: {"value": self.output(stream.x)[:, 0, 0] * stream.x.shape[1]}}, "members:"),
    ],
)
def test_broken_heads_are_found(changes, message):
    assert message in failures(checks.check_head, broken(Number, **changes))


def test_a_fuse_that_loses_terms_is_found():
    def forgetful(self, streams):
        return Stream(torch.cat([s.x.expand(-1, max(t.x.shape[1] for t in streams), -1) for s in streams], -1))

    assert "aux terms are handed on" in failures(checks.check_fuse, broken(Concat, forward=forgetful))


def test_other_heads_bring_their_own_case():
    class Scaled(Number):
        """A number.

        Options:
            loss: which.
            quantiles: whether.
        """

    target = torch.tensor([0.3, -1.0, 2.0, 0.0, 1.0, float("nan")])
    assert "counts" in checks.check_head(Scaled, {}, target)


class Shouting:
    """Words in capitals, numbered; forgets words when merged.

    Options:
        volume: how loud.
    """

    group = None

    def __init__(self, name: str, target: bool = False, *, volume: int = 1) -> None:
        self.name, self.target, self.volume, self.words = name, target, volume, []

    def fit(self, values):
        self.words += [str(word).upper() for word in values.to_pylist()]

    def merge(self, other):
        pass

    def finish(self):
        self.words = sorted(set(self.words))

    def encode(self, values):
        import numpy as np

        return np.array([self.words.index(str(word).upper()) for word in values.to_pylist()], np.int32)

    def sizes(self):
        return {"rows": len(self.words)}

    def state(self):
        return {"words": self.words}

    def restore(self, state):
        self.words = state["words"]


def test_broken_columns_are_found():
    message = failures(lambda column: checks.check_column(column, ["a", "b", "c", "d"]), Shouting)
    assert "input: merged halves are as good as the whole" in message
    assert "input: encode is total: ValueError" in message
    assert "two chunks" not in message and "state" not in message
