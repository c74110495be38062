"""Fewer columns: retrained, and scored."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import metrics
from ..errors import DataError, unable
from ..fitting import fit
from ..parts import Count
from ..prediction import measure_rows
from ..preparation import Prepared, prepare
from ..report import Block, Curve, Table, Text
from ._faithfulness import between
from ._opening import Opened
from ._ranking import rank


class Selection:
    """The score over the number of columns: the run's recipe is trained anew on its best column, its best two, and so on
    (Guyon & Elisseeff 2003).

    Columns are ranked by permutation on the validation rows, and these choose how many are enough: the fewest whose score is
    within the interval of the best. The test rows only score. Needs a target and two columns at least; retrains as often as
    there are points.

    Options:
        points: numbers of columns that are tried.
        repeats: shuffles of each column, for the ranking.
        seed: of the shuffles.
    """

    def __init__(self, *, points: Count = 8, repeats: Count = 10, seed: int = 0) -> None:
        self.points, self.repeats, self.seed = points, repeats, seed

    def whole(self, opened: Opened, rows: str = "") -> tuple[list[Block], dict[str, Any]]:
        run, target = opened.run, opened.target
        if opened.language or opened.answer.kind == "reconstruct" or len(opened.cells()) < 2:
            raise unable("a model that predicts from several columns", run)
        own = opened.prepared
        if own is None or opened.table is not own.rows.table:
            raise DataError("selection retrains on the run's own data.", where="data", hint="Leave the data out.")
        held = next(index for part in (1, 0) if len(index := own.index(part)))
        ranked = list(rank(opened, held, self.repeats, self.seed))
        counts = np.unique(np.round(np.geomspace(1, len(ranked), min(self.points, len(ranked)))).astype(int)).tolist()
        main, higher = metrics.main(run.kinds[target])
        tried = [self._tried(opened, own, ranked[:count], main) for count in counts]
        enough = _enough(tried, higher)
        lines = [
            [one["columns"], one["added"], one["validation"], one["test"], between(one["interval"])] for one in tried
        ]
        heads = ["columns", "with", f"{main} (validation)", f"{main} (test)", "95 % interval (test)"]
        x = [float(count) for count in counts]
        drawn = {part: (x, [one[part] for one in tried]) for part in ("test", "validation")}
        for place, end in enumerate(("lower end", "upper end")):
            if all(one["interval"] for one in tried):
                drawn[end] = (x, [one["interval"][place] for one in tried])
        said = f"The best {enough} of {len(ranked)} columns are enough: " + ", ".join(ranked[:enough])
        blocks: list[Block] = [
            Text("", f"{said}. With them the validation rows score within the interval of the best.", "good"),
            Curve(f"{main} over columns", "columns", main, drawn, dashed=["lower end", "upper end"]),
            Table("Each point a training", heads, lines),
        ]
        return blocks, {"ranked": ranked, "enough": enough, "points": tried, "metric": main}

    def _tried(self, opened: Opened, own: Prepared, kept: list[str], main: str) -> dict[str, Any]:
        """The scores of the recipe trained on the columns `kept` alone."""
        recipe = own.recipe
        copied = {part: getattr(recipe, part).model_copy(deep=True) for part in ("model", "train")}
        recipe = recipe.model_copy(update=copied)
        recipe.train.speed, recipe.targets = "fixed", dict(recipe.targets)
        used = {*kept, *recipe.target_names()}
        left = {name: {"kind": "drop"} for name in own.rows.table.column_names if name not in used}
        recipe.columns = {**recipe.columns, **left}
        tabular = any(opened.cells()[name][1] is not None for name in kept)
        encoders = recipe.model.encoders.items()
        recipe.model.encoders = {n: c for n, c in encoders if n in kept or (n == "table" and tabular)}
        prepared = prepare(recipe, rows=own.rows)
        model = fit(recipe, prepared).model
        found: dict[str, Any] = {"columns": len(kept), "added": kept[-1]}
        for part, name in ((1, "validation"), (2, "test")):
            index = prepared.index(part)
            scores = measure_rows(model, prepared.encoded, index, prepared.columns).scores if len(index) else {}
            found[name] = scores.get(opened.target, {}).get(main)
            found["interval" if name == "test" else "held"] = scores.get(opened.target, {}).get(f"{main}_interval")
        return found


def _enough(tried: list[dict[str, Any]], higher: bool) -> int:
    """The fewest columns whose validation score is within the interval of the best one's."""
    sign = 1 if higher else -1
    known = [one for one in tried if one["validation"] is not None] or tried
    best = max(known, key=lambda one: sign * (one["validation"] or 0.0))
    ends = best["held"] or [best["validation"] or 0.0] * 2
    least = min(sign * end for end in ends)
    return int(next(one["columns"] for one in known if sign * (one["validation"] or 0.0) >= least))
