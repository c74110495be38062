"""How far an explanation may be believed: what happens to the answer when the parts it names are really taken out.

Deletion and insertion (Petsiuk 2018) against random orders, agreement between seeds, and the sanity check of Adebayo 2018.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..report import shown
from ._subject import Explain, Explanation, Subject

STEPS = 10  # shares of the parts that are taken out, one after the other
ORDERS = 4  # random ones
MOST = 5  # parts that are spoken of


def deletion(subject: Subject, found: Explanation, seed: int = 0) -> dict[str, Any]:
    """What the answer loses, over the rows, when the highest parts are taken out and when random ones are: `count` parts
    (`fall`, `random_fall`, and the mean `gain` of one over the other with its interval), and by shares of them (`deletion`,
    `insertion`: share, highest first, at random)."""
    valid, random = subject.valid, np.random.default_rng(seed)
    sizes = valid.sum(1)
    count = int(min(MOST, max(np.median(sizes) // 4, 1)))
    orders = [found.values, *(random.random(valid.shape) for _ in range(ORDERS))]
    ranks = np.array([_ranks(order, valid) for order in orders])  # (orders, R, F), 0 the highest
    shares = np.arange(STEPS + 1) / STEPS
    taken = np.round(shares[:, None] * sizes).astype(int)  # (steps, R)
    cut = np.concatenate([taken, np.minimum(count, sizes)[None]])
    out = ranks[:, None] < cut[:, :, None]  # (orders, steps + 1, R, F)
    answers = _answers(subject, ~out | ~valid, random)
    returned = _answers(subject, out[:, :-1] | ~valid, random)
    falls = answers[:, 0] - answers[:, -1]  # (orders, R)
    gain = falls[0] - falls[1:].mean(0)
    return {
        "count": count,
        "fall": float(falls[0].mean()),
        "random_fall": float(falls[1:].mean()),
        "gain": float(gain.mean()),
        "gain_interval": interval(gain),
        "deletion": _curve(shares, answers[:, :-1]),
        "insertion": _curve(shares, returned),
        "rows": len(subject),
    }


def agreement(one: np.ndarray, other: np.ndarray, valid: np.ndarray) -> float | None:
    """The mean over rows of the rank correlation of two explanations (Spearman); None where no row has three parts that differ."""
    from scipy.stats import rankdata

    found = []
    for a, b, here in zip(one, other, valid):
        a, b = a[here], b[here]
        if len(a) >= 3 and np.ptp(a) and np.ptp(b):
            found.append(np.corrcoef(rankdata(a), rankdata(b))[0, 1])
    return float(np.mean(found)) if found else None


def stability(explain: Explain, subject: Subject, found: Explanation) -> float | None:
    """The agreement with the same method under another seed."""
    return agreement(found.values, explain(subject).values, subject.valid)


def sanity(explain: Explain, subject: Subject, found: Explanation) -> float | None:
    """The agreement with the explanation of the same model with its weights shuffled: near 1 the method does not look at
    the model."""
    shuffled = subject.only(np.arange(len(subject)), subject.answer.with_random_weights())
    return agreement(found.values, explain(shuffled).values, subject.valid)


def interval(values: np.ndarray) -> list[float] | None:
    """95 % interval of a mean (Student's t); None for one value."""
    from scipy.stats import t

    if len(values) < 2:
        return None
    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return [float(values.mean()) - half, float(values.mean()) + half]


def between(ends: list[float] | None) -> str:
    """An interval in words; nothing where there is none."""
    return f"{shown(ends[0])} to {shown(ends[1])}" if ends else ""


def _ranks(order: np.ndarray, valid: np.ndarray) -> np.ndarray:
    return np.where(valid, -order, np.inf).argsort(1, kind="stable").argsort(1)


def _answers(subject: Subject, keep: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """keep (orders, steps, R, F) -> (orders, steps, R) answers. All orders see a row's same background at a step."""
    orders, steps, rows, parts = keep.shape
    owner = np.tile(np.arange(rows), orders * steps)
    draw = np.tile(random.integers(0, subject.draws, steps * rows), orders)
    return subject.values(owner, keep.reshape(-1, parts), draw).reshape(orders, steps, rows)


def _curve(shares: np.ndarray, answers: np.ndarray) -> dict[str, list[float]]:
    means = answers.mean(2)
    return {"share": shares.tolist(), "highest": means[0].tolist(), "random": means[1:].mean(0).tolist()}
