"""Integrated gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..blocks.inputs import CategoryTable, Picture
from ..blocks.letters import OneHot
from ..parts import Count
from ._subject import Explanation, Subject

MOST = 1024  # steps of one row
ROWS = 256  # steps of all rows that pass through the model together
BACKGROUNDS = 8  # that the base of categories is a mean over
CLOSE = 0.01  # how near values and base must come to the answer


class Gradients:
    """The gradient along the straight way from a background to the row, times the way (Sundararajan 2017): values that add up
    to the answer less that of the background, but for the error of the integral.

    Begins at the numbers and pixels themselves, for words and categories at their embeddings, for sound at the energies of
    its bands over time; the background is the mean
    of training rows, for a text one of unknown words, for sound silence. The integral is Gauss-Legendre; rows whose values miss the answer by 1 % or
    more get twice the steps, up to 1,024. Works for every model whose inputs lie in tensors of floats or in embeddings.

    Options:
        steps: points on the way at first.
    """

    def __init__(self, *, steps: Count = 32) -> None:
        self.steps = steps

    def explain(self, subject: Subject) -> Explanation:
        entries = _entries(subject)
        _record(subject, entries)
        subject.whole()  # says so where the answers are not finite
        answer, base = _ends(subject, entries)
        places = {
            **subject.place,
            **{one.key: one.module.spread(subject.place[one.key]) for one in entries if one.signal},
        }
        cells = {key: np.zeros((len(subject), place.shape[1])) for key, place in places.items()}
        left, steps = np.arange(len(subject)), self.steps
        missed = np.zeros(len(subject))
        while len(left) and steps <= max(MOST, self.steps):
            for rows in np.array_split(left, min(-(-len(left) * steps // ROWS), len(left))):
                for key, found in _integrated(subject, entries, rows, steps).items():
                    cells[key][rows] = found
            total = sum(values.sum(1) for values in cells.values())
            size = sum(np.abs(values).sum(1) for values in cells.values())
            missed = np.abs(total - (answer - base)) / np.maximum(np.abs(answer - base), 0.1 * size + 1e-9)
            left, steps = np.flatnonzero(missed >= CLOSE), 2 * steps
        shapes = {one.key: subject.batch[one.key].shape[1:3] for one in subject.fields if one.kind == "image"}
        shapes |= {one.key: one.here.shape[1:] for one in entries if one.signal}
        pixels = {f.name: cells[f.key].reshape(-1, *shapes[f.key]) for f in subject.fields if f.key in shapes}
        exact = float(missed.max(initial=0))
        return Explanation(_by_part(subject, cells, places), answer, base, pixels, exact=exact)


@dataclass
class _Entry:
    """Where the way is walked: a module's output, or the batch's own floats (module None). here, base (R, cells, D): the
    ends of the way; `by_token` where the output (R, 1, D) is their sum."""

    key: str
    module: Any = None
    by_token: Callable[..., Tensor] | None = None
    here: Any = None
    base: Any = None

    @property
    def signal(self) -> bool:
        """Whether the output is of (frames, mask), frames (R, T, bands) of a signal."""
        return hasattr(self.module, "spread")

    def at(self, alpha: Tensor, rows: Tensor) -> Tensor:
        """The output on the way, alpha (N,) of it from the base, of rows (N,)."""
        here, base = self.here[rows], self.base[rows if len(self.base) > 1 else rows * 0]
        found = base + alpha.view(-1, *[1] * (here.ndim - 1)) * (here - base)
        return found.sum(1, keepdim=True) if self.by_token else found


def _entries(subject: Subject) -> list[_Entry]:
    """Every place where a row's parts enter the model as floats."""
    model = subject.answer.model
    if subject.answer.kind == "language":
        return [_Entry("ids", model.model.embed_tokens)]
    found = [_Entry(key) for key in subject.place if subject.batch[key].is_floating_point()]
    for name, encoder in zip(model.names, model.encoders.values()):
        inside: set[nn.Module] = set()
        for module in encoder.modules():
            if module in inside:
                continue
            if isinstance(module, CategoryTable):
                found.append(_Entry("category", module))
            elif isinstance(module, Picture) or hasattr(module, "spread"):
                found.append(_Entry(name, module))
            elif hasattr(module, "by_token"):
                found.append(_Entry(name, module, module.by_token))
            elif isinstance(module, (nn.Embedding, OneHot)) and name in subject.place:
                found.append(_Entry(name, module))
            else:
                continue
            inside |= set(module.modules())
    return found


@contextmanager
def _hooked(entries: list[_Entry], hook: Callable[[_Entry, Any], Any]) -> Iterator[None]:
    """Whatever `hook` gives in place of the entries' outputs, where it is not None."""

    def of(entry: _Entry) -> Any:
        return entry.module.register_forward_hook(lambda _module, _given, output: hook(entry, output))

    handles = [of(entry) for entry in entries if entry.module is not None]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def _record(subject: Subject, entries: list[_Entry]) -> None:
    """Fill in the ends of every entry's way; what has no way (positions, kinds of pieces) is left out of them."""
    rows = torch.arange(len(subject))
    nothing = torch.zeros(subject.names.shape, dtype=torch.bool)
    draws = range(min(subject.draws, BACKGROUNDS))
    batches = [subject.without(rows, nothing, torch.full_like(rows, draw), deletes=False) for draw in draws]
    ends = [_outputs(subject, entries, batch) for batch in [subject.batch, *batches]]
    for place, entry in reversed(list(enumerate(entries))):
        found = [end[place] for end in ends]
        if any(one is None or one.shape[:1] != rows.shape for one in found):
            entries.pop(place)
            continue
        entry.here, entry.base = found[0], torch.stack(found[1:]).mean(0)
        if entry.module is None:
            entry.base = subject.background[entry.key].float().mean(0, keepdim=True)


def _outputs(subject: Subject, entries: list[_Entry], batch: Any) -> list[Any]:
    found: dict[int, Any] = {id(entry): batch[entry.key].float() for entry in entries if entry.module is None}

    def keep(entry: _Entry, output: Any) -> None:
        output = output[0] if entry.signal else output
        found[id(entry)] = entry.by_token(batch) if entry.by_token else output.float()

    with _hooked(entries, keep):
        subject.answer(batch, subject.goal)
    return [found.get(id(entry)) for entry in entries]


def _answers(subject: Subject, entries: list[_Entry], rows: Tensor, values: dict[int, Tensor]) -> Tensor:
    """(N,) the answers for rows (N,), with `values` in place of the entries' outputs."""
    batch = {key: given[rows] for key, given in subject.batch.items()}
    batch |= {entry.key: values[id(entry)] for entry in entries if entry.module is None}

    def put(entry: _Entry, output: Any) -> Any:
        value = values[id(entry)]
        if entry.signal:
            return value, output[1]
        return output.with_x(value) if entry.by_token else value

    with _hooked(entries, put):
        return subject.answer(batch, subject.goal[rows])


@torch.no_grad()
def _ends(subject: Subject, entries: list[_Entry]) -> tuple[np.ndarray, np.ndarray]:
    """(R,) the answers at both ends."""
    rows = torch.arange(len(subject))
    found = []
    for alpha in (torch.ones(len(rows)), torch.zeros(len(rows))):
        values = {id(entry): entry.at(alpha, rows) for entry in entries}
        found.append(_answers(subject, entries, rows, values).double().numpy())
    return found[0], found[1]


def _integrated(subject: Subject, entries: list[_Entry], rows: np.ndarray, steps: int) -> dict[str, np.ndarray]:
    """key -> (rows, cells): the values of each cell of an input."""
    points, weights = np.polynomial.legendre.leggauss(steps)
    alpha = torch.tensor(np.repeat((points + 1) / 2, len(rows)), dtype=torch.float32)
    share = torch.tensor(np.repeat(weights / 2, len(rows)), dtype=torch.float32)
    chosen, place = torch.as_tensor(rows), torch.arange(len(rows)).repeat(steps)
    sums = [torch.zeros(()) for _ in entries]
    for piece in torch.arange(len(place)).split(ROWS):
        with torch.enable_grad():
            values = {id(one): one.at(alpha[piece], chosen[place[piece]]).requires_grad_() for one in entries}
            answer = _answers(subject, entries, chosen[place[piece]], values).sum()
            slopes = torch.autograd.grad(answer, list(values.values()), allow_unused=True)
        for number, slope in enumerate(slopes):
            if slope is not None:
                scaled = slope * share[piece].view(-1, *[1] * (slope.ndim - 1))
                whole = torch.zeros(len(rows), *slope.shape[1:]).index_add_(0, place[piece], scaled)
                sums[number] = sums[number] + whole
    found: dict[str, np.ndarray] = {}
    for entry, total in zip(entries, sums):
        base = entry.base[chosen if len(entry.base) > 1 else chosen * 0]
        each = ((entry.here[chosen] - base) * total).double()
        if isinstance(entry.module, Picture):
            each = each.sum(1).flatten(1)  # (R, C, H, W): channels go together
        elif entry.module is None or entry.signal:
            each = each.flatten(1)
        else:
            each = each.sum(-1)
        found[entry.key] = found.get(entry.key, 0) + each.numpy()
    return found


def _by_part(subject: Subject, cells: dict[str, np.ndarray], places: dict[str, Tensor]) -> np.ndarray:
    """Cells -> (R, F) parts."""
    found = np.zeros((len(subject), subject.names.shape[1] + 1))
    for key, values in cells.items():
        place = np.broadcast_to(places[key].numpy(), values.shape)
        np.add.at(found, (np.arange(len(found))[:, None], place), values)
    return found[:, :-1]
