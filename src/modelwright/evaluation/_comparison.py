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

_OURS = dict.fromkeys(  # what torch's counter does not know: oneDNN's dense layer, and those in few bits
    ("mkldnn._linear_pointwise", "aten._weight_int8pack_mm", "aten._weight_int4pack_mm_for_cpu", "aten._int_mm"),
    lambda x, *_, out_val, **__: 2 * x.numel() * out_val.shape[-1],
)


def leaderboard(entries: Sequence[Mapping[str, Any]]) -> Table:
    """One row a model, the best first by the main metric of the first target.

    An entry: `name`, `kinds` (target -> kind), `scores` (target -> metrics), and where known `parameters`, `flops`,
    `fit_seconds`, `predict_seconds`, `bytes`, `note`. A score comes with its 95 % interval, or with the standard
    deviation of its folds.
    """
    if not entries:
        return Table("Leaderboard", ["model"], [])
    kinds = dict(entries[0]["kinds"])
    mains = {target: metrics.main(kind) for target, kind in kinds.items()}
    ranked = sorted(entries, key=lambda entry: _rank(entry, mains))
    columns: list[tuple[str, list[Any]]] = [("model", [entry["name"] for entry in ranked])]
    for target, (main, _) in mains.items():
        prefix = f"{target} " if len(mains) > 1 else ""
        scores = [entry["scores"].get(target) or {} for entry in ranked]
        columns.append((prefix + main, [each.get(main) for each in scores]))
        columns.append(_spread(prefix, scores, main))
        if main != "auc":
            columns.append((prefix + "AUC", [each.get("auc") for each in scores]))
        columns.append((prefix + "mean cost", [each.get("mean_cost") for each in scores]))
    columns += [(title, [_cost(key, entry.get(key)) for entry in ranked]) for key, title in _COSTS.items()]
    columns.append(("note", [entry.get("note") or "" for entry in ranked]))
    columns = [(head, cells) for head, cells in columns if head == "model" or any(c not in (None, "") for c in cells)]
    rows = [list(row) for row in zip(*(cells for _, cells in columns))]
    return Table("Leaderboard", [head for head, _ in columns], rows, note=_explained(mains))


def _rank(entry: Mapping[str, Any], mains: Mapping[str, tuple[str, bool]]) -> tuple[bool, float]:
    target, (main, higher) = next(iter(mains.items()))
    value = (entry["scores"].get(target) or {}).get(main)
    return (value is None, 0.0 if value is None else -value if higher else value)


def _spread(prefix: str, scores: Sequence[Mapping[str, Any]], main: str) -> tuple[str, list[str]]:
    """The 95 % interval of each model, or the standard deviation of its folds."""
    ends = [each.get(f"{main}_interval") for each in scores]
    deviations = [each.get(f"{main}_sd") for each in scores]
    if any(deviation is not None for deviation in deviations):
        return prefix + "sd of folds", ["" if sd is None else f"± {shown(sd)}" for sd in deviations]
    return prefix + "95 %", [f"{shown(end[0])} – {shown(end[1])}" if end else "" for end in ends]


def _cost(key: str, value: Any) -> Any:
    if value is None:
        return None
    return value / 1024 if key == "bytes" else float(value) if key.endswith("seconds") else value


def _explained(mains: Mapping[str, tuple[str, bool]]) -> str:
    directions = [
        f"{main}: {'higher' if higher else 'lower'} is better" for main, higher in dict.fromkeys(mains.values())
    ]
    return "; ".join(directions) + "."


def flops(model: Any, batch: Mapping[str, Any]) -> int | None:
    """Floating point operations of one forward pass a row (multiplications and additions counted apart), by torch's
    counter: products and convolutions, not element-wise work, and not the steps inside a fused recurrent kernel. None
    where the counter cannot follow the model."""
    import torch

    inputs = {key: value for key, value in batch.items() if not key.startswith("target.")}
    rows = next((len(value) for value in inputs.values()), 0)
    if not rows:
        return 0
    training = model.training
    model.eval()
    counter = _counter()
    try:
        with torch.no_grad(), counter:
            model.predict(dict(inputs))
    except Exception:  # a count is worth no failed run, and third-party operators may refuse the counter's mode
        return None
    finally:
        model.train(training)
    return counter.total // rows


def _counter() -> Any:
    """A mode that adds up, in `total`, the operations of every call below it by torch's formulas.

    torch's own mode does the same, but loads torch's compiler for it, which takes a second.
    """
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import flop_registry

    class Counter(TorchDispatchMode):
        total = 0

        @classmethod
        def _should_skip_dynamo(cls) -> bool:
            return False  # nothing is compiled here, so that there is nothing to keep the compiler from

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            formula = flop_registry.get(func._overloadpacket) or _OURS.get(str(func._overloadpacket))
            if formula is None:
                with self:
                    found = func.decompose(*args, **kwargs)
                return func(*args, **kwargs) if found is NotImplemented else found
            found = func(*args, **kwargs)
            self.total += formula(*args, **kwargs, out_val=found)
            return found

    return Counter()
