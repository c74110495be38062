"""Models beside each other: scores, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import metrics
from ..report import Table, shown

_COSTS = {
    "parameters": "parameters",
    "flops": "FLOPs a row",
    "fit_seconds": "fit (s)",
    "predict_seconds": "predict (s)",
    "bytes": "size (kB)",
}


def leaderboard(entries: Sequence[Mapping[str, Any]]) -> Table:
    """One row a model, the best first by the main metric of the first target.

    An entry: `name`, `kinds` (target -> kind), `scores` (target -> metrics), and where known `parameters`, `flops`,
    `fit_seconds`, `predict_seconds`, `bytes`, `note`. A score comes with its 95 % interval, or ± the standard deviation
    of its folds.
    """
    if not entries:
        return Table("Leaderboard", ["model"], [])
    kinds = dict(entries[0]["kinds"])
    mains = {target: metrics.main(kind) for target, kind in kinds.items()}
    costs = {key: title for key, title in _COSTS.items() if any(entry.get(key) is not None for entry in entries)}
    noted = any(entry.get("note") for entry in entries)
    several = len(kinds) > 1
    heads = [f"{target} {main}" if several else main for target, (main, _) in mains.items()]
    extra = [target for target, kind in kinds.items() if kind in ("boolean", "category") and _has_area(entries, target)]
    heads = [
        part for target, head in zip(mains, heads) for part in (head, "95 %", *(["AUC"] if target in extra else []))
    ]
    rows = []
    for entry in sorted(entries, key=lambda entry: _rank(entry, mains)):
        row: list[Any] = [entry["name"]]
        for target, (main, _) in mains.items():
            scores = entry["scores"].get(target) or {}
            row += [scores.get(main), _spread(scores, main), *([scores.get("auc")] if target in extra else [])]
        row += [_cost(key, entry.get(key)) for key in costs]
        rows.append(row + ([entry.get("note") or ""] if noted else []))
    if all(row[2] == "" for row in rows):
        heads = [head for head in heads if head != "95 %"]
        rows = [[cell for place, cell in enumerate(row) if place != 2] for row in rows] if not several else rows
    return Table(
        "Leaderboard",
        ["model", *heads, *costs.values(), *(["note"] if noted else [])],
        rows,
        note=_explained(entries, mains),
    )


def _rank(entry: Mapping[str, Any], mains: Mapping[str, tuple[str, bool]]) -> tuple[bool, float]:
    target, (main, higher) = next(iter(mains.items()))
    value = (entry["scores"].get(target) or {}).get(main)
    return (value is None, 0.0 if value is None else -value if higher else value)


def _has_area(entries: Sequence[Mapping[str, Any]], target: str) -> bool:
    return any((entry["scores"].get(target) or {}).get("auc") is not None for entry in entries)


def _spread(scores: Mapping[str, Any], main: str) -> str:
    interval, deviation = scores.get(f"{main}_interval"), scores.get(f"{main}_sd")
    if interval:
        return f"{shown(interval[0])} – {shown(interval[1])}"
    return f"± {shown(deviation)}" if deviation is not None else ""


def _cost(key: str, value: Any) -> Any:
    if value is None:
        return None
    return value / 1024 if key == "bytes" else float(value) if key.endswith("seconds") else value


def _explained(entries: Sequence[Mapping[str, Any]], mains: Mapping[str, tuple[str, bool]]) -> str:
    directions = [
        f"{main}: {'higher' if higher else 'lower'} is better" for main, higher in dict.fromkeys(mains.values())
    ]
    folded = any("folds" in (scores or {}) for entry in entries for scores in entry["scores"].values())
    return "; ".join(directions) + ("; mean ± standard deviation over folds." if folded else "; with 95 % intervals.")


def flops(model: Any, batch: Mapping[str, Any]) -> int | None:
    """Floating point operations of one forward pass a row (multiplications and additions counted apart), by torch's
    counter: products and convolutions, not element-wise work, and not the steps inside a fused recurrent kernel. None
    where the counter cannot follow the model."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    inputs = {key: value for key, value in batch.items() if not key.startswith("target.")}
    rows = next((len(value) for value in inputs.values()), 0)
    if not rows:
        return 0
    training = model.training
    model.eval()
    counter = FlopCounterMode(display=False)
    try:
        with torch.no_grad(), counter:
            model.predict(dict(inputs))
    except Exception:  # a count is worth no failed run, and third-party operators may refuse the counter's mode
        return None
    finally:
        model.train(training)
    return counter.get_total_flops() // rows
