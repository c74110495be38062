"""A small tree in the place of the run."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import metrics
from ..building import own_encoders
from ..errors import unable
from ..parts import Count
from ..prediction import predict_encoded, target_scores
from ..report import Block, Table, Text
from ._opening import Opened
from ._rules import Question, Rules, questions

MOST = 20_000  # rows that the tree learns from


class Tree:
    """A decision tree that has learned to say what the run says (Craven & Shavlik 1996), as rules, and as a file that
    predicts.

    It learns the run's probabilities or numbers on the training rows, from questions about the columns' own values, words
    and patches; how often it agrees with the run is measured on rows that neither has seen. Needs a target of classes, labels
    or numbers.

    Options:
        leaves: rules, at most.
        least: rows of a leaf, at least.
        seed: of ties.
    """

    def __init__(self, *, leaves: Count = 12, least: Count = 5, seed: int = 0) -> None:
        self.leaves, self.least, self.seed = leaves, least, seed

    def whole(self, opened: Opened, rows: str = "5") -> tuple[list[Block], dict[str, Any]]:
        run, target = opened.run, opened.target
        if opened.answer.kind not in ("category", "boolean", "multilabel", "number", "vector"):
            raise unable("a model that predicts classes, labels or numbers", run)
        own, column = own_encoders(run.recipe, run.columns), run.columns[target]
        learned, index = opened.train
        index = np.sort(np.random.default_rng(self.seed).permutation(index)[:MOST])
        asked, answers = questions(run.columns, own, learned)
        said = predict_encoded(run.model, learned, index, only=[target])[target]
        rules = Rules(run.columns, own, target, self._grown(asked, answers[index], said, column))
        held = opened.index
        asked, answers = questions(run.columns, own, opened.encoded)
        theirs = predict_encoded(run.model, opened.encoded, held, only=[target])[target]
        ours = rules.tensors(asked, answers[held])
        fidelity = _fidelity(opened.answer.kind, ours, theirs)
        blocks: list[Block] = _fidelity_blocks(fidelity, len(held))
        values: dict[str, Any] = {"fidelity": fidelity, "rules": list(rules.lines()), "tree": rules.to_json()}
        if opened.has_truth:
            main, _ = metrics.main(opened.answer.kind)
            codes = opened.encoded.targets[target][held]
            scores = [("the run", theirs), ("the tree", ours)]
            lines = [[name, target_scores(column, tensors, codes, intervals=False)[main]] for name, tensors in scores]
            blocks.append(Table("What it costs", ["model", main], lines))
            values["scores"] = dict(lines)
        blocks.append(Text("Rules", "\n".join(rules.lines())))
        chosen = opened.choose(rows)
        told = [[int(row), rules.told(asked, answers[row])] for row in chosen]
        blocks.append(Table("Row by row", ["row", "the tree says"], told))
        return blocks, values | {"rows": told}

    def _grown(
        self, asked: list[Question], answers: np.ndarray, said: dict[str, np.ndarray], column: Any
    ) -> dict[str, Any]:
        """The root node of a tree that says what the run said."""
        from sklearn.tree import DecisionTreeRegressor

        name, values = next(iter(said.items()))
        tree = DecisionTreeRegressor(
            max_leaf_nodes=max(self.leaves, 2), min_samples_leaf=self.least, random_state=self.seed
        )
        grown = tree.fit(answers, values.reshape(len(values), -1)).tree_

        def leaf(place: int) -> dict[str, Any]:
            value = grown.value[place].reshape(values.shape[1:]).tolist()
            decoded = column.decode({name: np.array([value])})[""][0].as_py()
            return {"predicts": decoded, "tensor": {name: value}, "rows": int(grown.n_node_samples[place])}

        def node(place: int) -> dict[str, Any]:
            if grown.children_left[place] < 0:
                return leaf(place)
            left, right = node(grown.children_left[place]), node(grown.children_right[place])
            if left.get("predicts", 0) == right.get("predicts", 1):  # a question whose answer does not matter
                return leaf(place)
            asked_of, how, value = asked[grown.feature[place]]
            limit, lost = value is None, "left" if grown.missing_go_to_left[place] else "right"
            yes, no = (
                (left, right) if limit else (right, left)
            )  # at most the threshold is left, a yes (1) is right of .5
            missing = "yes" if (lost == "left") == limit else "no"
            value = float(grown.threshold[place]) if limit else value
            return {"column": asked_of, "is": how, "value": value, "yes": yes, "no": no, "missing": missing}

        return node(0)


def _fidelity(kind: str, ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> dict[str, Any]:
    """How far the tree says what the run says: a share of rows, or R^2 of numbers."""
    one, other = next(iter(ours.values())), next(iter(theirs.values()))
    if kind in ("number", "vector"):
        spread = ((other - other.mean(0)) ** 2).sum()
        return {"r2": float(1 - ((one - other) ** 2).sum() / spread) if spread > 0 else 1.0}
    if kind == "category":
        guess, truth = one.argmax(1), other.argmax(1)
    else:
        guess, truth = one > 0.5, other > 0.5
    same = guess == truth if guess.ndim == 1 else (guess == truth).all(1)
    _, counts = np.unique(truth, axis=0, return_counts=True)
    interval = metrics.wilson(float(same.sum()), len(same))
    return {"agreement": float(same.mean()), "interval": interval, "commonest": float(counts.max() / len(truth))}


def _fidelity_blocks(found: dict[str, Any], rows: int) -> list[Block]:
    if "r2" in found:
        text = f"On {rows} rows that it has not learned from, the tree explains {100 * found['r2']:.0f} % of what the run says (R squared)."
        return [Text("Does it stand for the run?", text, "good" if found["r2"] > 0.5 else "warning")]
    low, high = found["interval"]
    text = f"On {rows} rows that it has not learned from, the tree says what the run says in {100 * found['agreement']:.0f} % of them "
    text += f"(95 % interval {100 * low:.0f} to {100 * high:.0f} %); always saying the commonest would agree in {100 * found['commonest']:.0f} %."
    better = low > found["commonest"] or found["agreement"] == 1
    return [Text("Does it stand for the run?", text, "good" if better else "warning")]
