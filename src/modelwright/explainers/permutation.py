"""What a run loses when one column is shuffled."""

from __future__ import annotations

from typing import Any

from ..parts import Count
from ..report import Block, Table, Text
from ._faithfulness import between
from ._opening import Opened
from ._ranking import rank


class Permutation:
    """How much less right the run is when a column is shuffled among the rows (Breiman 2001; Fisher 2019), over the run as
    a whole.

    Right is the probability of the true class or labels, the log-likelihood of a true text, less the absolute error of a
    number. The p-value is that of a one-sided t-test over rows, against no loss at all, and holds for all columns at once (Holm
    1979). Needs columns, and data that say what is right.

    Options:
        repeats: shuffles of each column.
        seed: of the shuffles.
    """

    def __init__(self, *, repeats: Count = 10, seed: int = 0) -> None:
        self.repeats, self.seed = repeats, seed

    def whole(self, opened: Opened, rows: str = "") -> tuple[list[Block], dict[str, Any]]:
        ranked = rank(opened, opened.index, self.repeats, self.seed)
        lines = [[name, one["loss"], between(one["interval"]), one["p"]] for name, one in ranked.items()]
        words = {"number": "the absolute error rises", "vector": "the absolute error rises"}
        what = words.get(opened.answer.kind, "the model is less sure of what is right")
        note = f"How much {what} when the column is shuffled: mean over {self.repeats} shuffles and the rows. "
        note += "The p-value is that of no loss, corrected for the number of columns."
        columns = ["column", "loss", "95 % interval", "p-value"]
        blocks: list[Block] = [
            Table("What the run as a whole needs", columns, lines, note, heat=True),
        ]
        useless = [name for name, one in ranked.items() if not one["p"] < 0.05]
        if useless:
            said = f"Without a measurable use (p at least .05): {', '.join(useless)}."
            if len(useless) == len(ranked):
                said = "No column has a measurable use: the model says the same, or is as often right, whatever it is given."
            blocks.append(
                Text("Columns that are not needed", said, "warning" if len(useless) == len(ranked) else "plain")
            )
        return blocks, {"columns": ranked, "repeats": self.repeats}
