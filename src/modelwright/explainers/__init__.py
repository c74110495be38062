"""Why a run says what it says: a file a method of the verb `explain`, each measured for its faithfulness.

A method that explains rows has `explain(subject) -> Explanation`; one that explains the run as a whole has
`whole(opened, rows) -> (blocks, values)`. Files whose names begin with `_` hold what the methods share.
"""

from __future__ import annotations

from typing import Any

from .. import parts
from ..report import Report, Section
from ..run import Run

ALL = 32  # rows that faithfulness and summary are measured on, where fewer are asked for


def explain(
    run: Run, data: Any = None, *, method: str = "", rows: str = "5", target: str = "", samples: int = 500
) -> Report:
    """The report of one method, or of those that suit the run. Raises UserError for a method, rows or a target that there
    are not."""
    from ._opening import Opened

    if method:
        parts.find("explainers", method)
    opened = Opened(run, data, target)
    kinds = [method] if method else _suitable(opened)
    found = Report(f"Explained by {kinds[0]}: {opened.target or 'the text'}", data={"target": opened.target})
    for kind in kinds:
        given = {"samples": samples} if "samples" in parts.options(parts.find("explainers", kind)) else {}
        explainer = parts.build("explainers", {"kind": kind, **given})
        blocks, values = (
            explainer.whole(opened, rows) if hasattr(explainer, "whole") else _rows(kind, explainer, opened, rows)
        )
        found.blocks += blocks if kind == kinds[0] else [Section(f"Explained by {kind}: {opened.target}"), *blocks]
        found.data |= {"method": kind, **values} if "method" not in found.data else {kind: values}
    return found


def _suitable(opened: Any) -> list[str]:
    """Gradients for what is long, texts and pictures; for a table Shapley values, and permutation where the truth is known."""
    if opened.language or any(own is None for _, own in opened.cells().values()):
        return ["gradients"]
    return ["shap", "permutation"] if opened.has_truth else ["shap"]


def _rows(kind: str, explainer: Any, opened: Any, rows: str) -> tuple[list[Any], dict[str, Any]]:
    """Some rows one by one, and what they and others have in common."""
    import numpy as np

    from . import _faithfulness, _telling
    from ._subject import Explanation

    chosen = opened.choose(rows)
    others = np.setdiff1d(opened.spread(max(ALL - len(chosen), 0)), chosen)
    subject = opened.subject(np.concatenate([chosen, others]))
    found = explainer.explain(subject)
    shown = subject.only(np.arange(len(chosen)))
    measured = _faithfulness.deletion(subject, found) | {"completeness": found.exact, "fit": found.fit}
    part = Explanation(found.values[: len(chosen)], found.answer, found.base)
    if "seed" in parts.options(type(explainer)):
        again = parts.build("explainers", {"kind": kind, **vars(explainer), "seed": explainer.seed + 1})
        measured["stability"] = _faithfulness.stability(again.explain, shown, part)
    measured["sanity"] = _faithfulness.sanity(explainer.explain, shown, part)
    blocks, values = _telling.rows(opened, subject, found, len(chosen))
    more, whole = _telling.summary(opened, subject, found)
    trust, curves = _telling.faithfulness(opened, subject, measured, found)
    return [*trust, *more, *blocks, *curves], {"rows": values, "whole": whole, "faithfulness": measured}
