"""Does the test know the training rows?"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa

from ..building import own_encoders
from ..columns import Ragged, infer
from ..data import twins
from ..data.encoding import keys, of_columns, summaries
from ..report import Table
from . import _twins
from ._case import VALUED, Case, Finding, Findings, Quality, Sample, light, percent

GROUP = re.compile(
    r"(?i:(^|[_ ])(patient|subject|user|customer|client|member|person|speaker|writer|author|household|family|device|"
    r"session|account|group|site)s?([_ ]?(id|key|no|number|name))?$|[_ ]id$)|[a-z](ID|Id)$"
)
FEWEST = 20  # values that a column of groups has at least: fewer are kinds of rows, not persons
ENOUGH = 30  # rows below which what a column tells may be chance


class Leakage:
    """Rows, groups, times and columns through which a test knows what it should not.

    Options:
        warning: share of test rows with a twin in training from which the light is yellow.
        bad: share from which it is red.
        told: share of the target that one column may tell before it counts as a leak.
    """

    def __init__(self, *, warning: float = 0.01, bad: float = 0.1, told: float = 0.98) -> None:
        self.warning, self.bad, self.told = warning, bad, told

    def examine(self, case: Case) -> Findings:
        held, train = case.held.few(case.most, case.seed), case.train
        found: Findings = [*self._same(case, held, train), *self._near(case, held, train)]
        if not case.is_language:
            found += [*self._shared(case), *self._films(case), *self._groups(case), *self._times(case)]
            found += [*self._neighbours(case)]
            found += [*self._columns(case), *self._doubts(case)]
        return found

    def _same(self, case: Case, held: Sample, train: Sample) -> Findings:
        """Rows of the test that are in the training too, and what that is worth."""
        these, those = _inputs(held), _inputs(train)
        equal, chance = _twins.exact(these, those), 0.0
        if _is_table(these):  # in a table of few values rows agree by chance: as often as with its columns shuffled
            draw = np.random.default_rng(case.seed)
            chance = float(_twins.exact(these, _shuffled(those, draw)).mean())
        words = "of the test rows are in the training too"
        if chance > 0.001:
            words += f"; {100 * chance:.1f} % would be by chance"
        share, words = float(equal.mean()), words + self._worth(case, held, equal)
        tone = light(share - chance, self.warning, self.bad)
        advice = "" if tone == "good" else "Remove doubles before splitting, or split by group."
        return [Finding(tone, "same rows", **percent(share, len(held)), meaning=words, advice=advice)]

    def _worth(self, case: Case, held: Sample, equal: np.ndarray) -> str:
        if equal.sum() < 5 or (~equal).sum() < 5:
            return ""
        name, quality = next(iter(case.qualities(held).items()))
        without = Quality(quality.name, quality.values[~equal], quality.higher)
        return f"; {quality.name} of {name} is {quality.mean:.3f}, without them {without.mean:.3f}"

    def _near(self, case: Case, held: Sample, train: Sample) -> Findings:
        """Rows that are almost equal: each text and picture by itself, a table's numbers rounded."""
        found: Findings = []
        these, those = _inputs(held), _inputs(train)
        if _is_table(these) and any(values.dtype.kind == "f" for values in these.values()):
            near, chance = np.zeros(len(held), bool), np.zeros(len(held), bool)
            shuffled = _shuffled(those, np.random.default_rng(case.seed))
            for shift in (0.0, 0.5):
                grid = _twins.rounded(these, shift=shift)
                near |= _twins.exact(grid, _twins.rounded(those, shift=shift))
                chance |= _twins.exact(grid, _twins.rounded(shuffled, shift=shift))
            near &= ~_twins.exact(these, those)
            found.append(
                self._nearly("near rows", near, float(chance.mean()), "agree in all numbers to 1 % of a deviation")
            )
        texts = ["text"] if case.is_language else case.inputs("text", "biosequence")
        for name in texts:
            one, other = (_strings(sample.raw.column(name)) for sample in (held, train.few(20_000, case.seed)))
            near = _twins.texts(one, other, case.seed)
            found.append(self._nearly(f"near texts: {name}", near, 0.0, "share four fifths of their wording"))
        place = {} if case.is_language else keys(case.run.columns)
        for name in case.pictures():
            near = _twins.pictures(these[place[name]], those[place[name]])
            found.append(self._nearly(f"near pictures: {name}", near, 0.0, "look the same but for brightness"))
        return found

    def _nearly(self, what: str, near: np.ndarray, chance: float, words: str) -> Finding:
        share = float(near.mean())
        tone = light(share - chance, self.warning, self.bad)
        advice = "" if tone == "good" else "Look whether they are copies: then split so that copies stay together."
        meaning = f"of the test rows and a training row {words}"
        return Finding(tone, what, **percent(share, len(near)), meaning=meaning, advice=advice)

    def _shared(self, case: Case) -> Findings:
        """Texts, sequences and written targets of test rows that training rows have too, as where one has several partners."""
        found: Findings = []
        columns, table = case.run.columns, case.prepared.rows.table
        shared = twins.texts(table, case.prepared.encoded, columns, case.held.index, case.train.index)
        if len(case.run.columns) - len(case.run.targets) == 1:  # those are the same rows
            shared = {name: rows for name, rows in shared.items() if columns[name].target}
        for name, rows in shared.items():
            share = float(rows.mean())
            tone = light(share, self.warning, self.bad)
            advice = "" if tone == "good" else f"data: {{split: {{kind: group, column: {name}}}}}."
            words = f"of the test rows have a {name} that a training row has too"
            found.append(Finding(tone, f"same {name}", **percent(share, len(rows)), meaning=words, advice=advice))
        return found

    def _films(self, case: Case) -> Findings:
        """Pictures that follow one another in a film, some of them in the training and some in the test."""
        found: Findings = []
        place = keys(case.run.columns)
        for name in case.pictures():
            pixels = case.prepared.encoded.inputs[place[name]]
            if not twins.is_film(pixels):
                continue
            near = twins.beside(len(pixels), case.held.index, case.train.index)
            tone = light(float(near.mean()), 0.1, twins.FILM)
            words = "of the test rows are frames of a film just before or after a training row"
            advice = "" if tone == "good" else "Split by time: data: {split: {kind: time, column: ...}}."
            value = percent(float(near.mean()), len(near))
            found.append(Finding(tone, f"neighbours: {name}", **value, meaning=words, advice=advice))
        return found

    def _doubts(self, case: Case) -> Findings:
        """Inputs that look like a target in other words."""
        table = case.prepared.rows.table
        guesses = infer(table, [name for name in case.run.targets if name in table.column_names])
        used = {n: guess.doubt for n, guess in guesses.items() if n in case.run.columns and "leak?" in guess.doubt}
        return [
            Finding(
                "warning",
                f"column: {name}",
                None,
                doubt.partition("leak? ")[2],
                f"If it is not known when predicting: columns: {{{name}: drop}}.",
            )
            for name, doubt in used.items()
        ]

    def _groups(self, case: Case) -> Findings:
        """Columns that name persons, devices and the like with values in both parts."""
        table, found, split = case.train.table, Findings(), _split(case)
        by = split.get("column") if split.get("kind") == "group" else None
        for name in [n for n in table.column_names if n not in case.run.targets and (n == by or GROUP.search(n))]:
            known = set(case.train.raw.column(name).to_pylist()) - {None}
            cells = case.held.raw.column(name).to_pylist()
            if name != by and not FEWEST <= len(known) <= 0.9 * len(case.train):  # one in each row is no group either
                continue
            share = float(np.mean([cell in known for cell in cells]))
            tone = light(share, self.warning, 2)
            advice = f"data: {{split: {{kind: group, column: {name}}}}}, if new ones are what counts." if share else ""
            words = f"of the test rows have a {name} that training has seen"
            found.append(Finding(tone, f"groups: {name}", **percent(share, len(cells)), meaning=words, advice=advice))
        return found

    def _times(self, case: Case) -> Findings:
        """Test rows that are older than training rows, where the target changes with time."""
        from scipy import stats

        found, split, place = Findings(), _split(case), keys(case.run.columns)
        for name in case.inputs("date"):
            own = own_encoders(case.run.recipe, case.run.columns)
            trend = of_columns(case.prepared.encoded.inputs, case.run.columns, own).get(name)
            if trend is None or place[name] != "date":
                continue
            older = float((trend[case.held.index, 0] < trend[case.train.index, 0].max()).mean())
            target = next(iter(case.run.targets), None)
            codes = case.prepared.encoded.targets.get(target)
            if isinstance(codes, Ragged) or codes is None or codes.ndim > 1:
                continue
            p = stats.spearmanr(trend[case.train.index, 0], codes[case.train.index], nan_policy="omit").pvalue
            mixed = split.get("kind") != "time" and older > 0.5 and p < 0.001
            words = f"of the test rows are older than the newest training row; {target} "
            words += "changes with time" if p < 0.001 else "does not change with time"
            advice = f"If it is to foretell, data: {{split: {{kind: time, column: {name}}}}}." if mixed else ""
            tone = light(mixed, 1, 2)
            found.append(Finding(tone, f"order: {name}", **percent(older), meaning=words, advice=advice))
        return found

    def _neighbours(self, case: Case) -> Findings:
        """Test rows beside training rows, where a column counts the rows and neighbours are alike: frames of a film, readings of a meter."""
        counting = next((name for name in case.prepared.rows.table.column_names if _counts(case, name)), None)
        likeness = {} if counting is None else {name: _likeness(case, name) for name in case.run.targets}
        if not likeness:
            return []
        target = max(likeness, key=likeness.__getitem__)
        beside = np.isin(case.held.index[:, None] + np.array([-1, 1]), case.train.index).any(1)
        share, alike = float(beside.mean()), likeness[target]
        mixed = share > 0.5 and alike > 0.5
        words = f"of the test rows stand beside a training row; {target} of neighbours correlates with {alike:.2f}"
        advice = f"data: {{split: {{kind: time, column: {counting}}}}}, if later ones are what counts." if mixed else ""
        tone = light(mixed, 1, 2)
        return [Finding(tone, f"neighbours: {counting}", **percent(share), meaning=words, advice=advice)]

    def _columns(self, case: Case) -> Findings:
        """What one input alone tells of a target, by a tree of few cuts, cross-validated."""
        found = Findings()
        views = _views(case)
        for target, kind in case.run.kinds.items():
            if kind not in ("category", "boolean", "number") or not views:
                continue
            column = case.run.columns[target]
            codes = np.asarray(column.truth(case.prepared.encoded.targets[target]), np.float64).ravel()
            scores = {name: _told(view, codes, case, kind) for name, view in views.items()}
            ranked = sorted(scores.items(), key=lambda item: -item[1])
            best, share = ranked[0]
            leaks = share >= self.told
            measure = "of its variance" if kind in VALUED else "of what guessing leaves open"
            words = f"{measure} is told by the best column, {best}"
            advice = f"If it is not known when predicting: columns: {{{best}: drop}}." if leaks else ""
            tone = light(share, self.told, self.told)
            found.append(Finding(tone, f"columns: {target}", **percent(max(share, 0)), meaning=words, advice=advice))
            rows = [[name, round(100 * max(told, 0.0), 1)] for name, told in ranked[:10]]
            found.append(Table(f"What one column tells of {target}", ["column", f"% {measure}"], rows))
        return found


def _counts(case: Case, name: str) -> bool:
    """Whether a column of numbers rises from row to row: a frame, a step, an hour."""
    cells = case.prepared.rows.table.column(name)
    if name in case.run.targets or cells.null_count or len(cells) < ENOUGH:
        return False
    try:
        return bool((np.diff(np.array(cells.to_pylist(), np.float64)) > 0).all())
    except (TypeError, ValueError):
        return False


def _likeness(case: Case, target: str) -> float:
    """How the target of a row correlates with that of the next one: of classes, how far they agree beyond chance. A file that is
    sorted by its target says nothing."""
    codes = case.prepared.encoded.targets.get(target)
    if codes is None or isinstance(codes, Ragged) or codes.ndim > 1:
        return 0.0
    one, other = codes[:-1], codes[1:]
    steps = np.sign(other.astype(np.float64) - one)
    if not ((steps > 0).any() and (steps < 0).any()):
        return 0.0
    if codes.dtype.kind != "f":
        chance = float(((np.bincount(codes[codes >= 0]) / len(codes)) ** 2).sum())
        return float(((one == other).mean() - chance) / max(1 - chance, 1e-9))
    known = np.isfinite(one) & np.isfinite(other)
    return float(np.corrcoef(one[known], other[known])[0, 1]) if known.sum() >= ENOUGH else 0.0


def _split(case: Case) -> dict[str, Any]:
    data = case.run.recipe.data
    split = data.get("split") if isinstance(data, dict) else None
    return split if isinstance(split, dict) else {"kind": split}


def _inputs(sample: Sample) -> dict[str, Any]:
    return {key: values[sample.index] for key, values in sample.encoded.inputs.items() if not key.endswith(".mask")}


def _is_table(inputs: dict[str, Any]) -> bool:
    return all(not isinstance(values, Ragged) and values.ndim == 2 for values in inputs.values())


def _shuffled(inputs: dict[str, Any], draw: np.random.Generator) -> dict[str, Any]:
    return {key: draw.permuted(values, axis=0) for key, values in inputs.items()}


def _strings(cells: pa.ChunkedArray) -> list[str]:
    return [" ".join(map(str, cell)) if isinstance(cell, list) else str(cell or "") for cell in cells.to_pylist()]


def _views(case: Case) -> dict[str, np.ndarray]:
    """Input column -> (N, w) what a tree may cut; of a text how often its 100 most frequent tokens stand in it."""
    columns, encoded = case.run.columns, case.prepared.encoded
    own = own_encoders(case.run.recipe, columns)
    inputs = summaries(encoded.inputs, columns, own)
    found = of_columns({k: v for k, v in inputs.items() if not isinstance(v, Ragged)}, columns, own)
    place = keys(columns, own)
    found |= {name: np.asarray(inputs[place[name]]) for name in place if hasattr(columns[name], "summary")}
    for name in case.inputs("text"):
        rows = encoded.inputs[place[name]]
        frequent = np.argsort(-np.bincount(rows.values))[:100]
        code = np.full(int(rows.values.max(initial=0)) + 1, -1)
        code[frequent] = np.arange(len(frequent))
        counts = np.zeros((len(rows), len(frequent)), np.float32)
        owner, token = np.repeat(np.arange(len(rows)), rows.lengths), code[rows.values]
        np.add.at(counts, (owner[token >= 0], token[token >= 0]), 1)
        found[name] = counts
    return found


def _told(view: np.ndarray, codes: np.ndarray, case: Case, kind: str) -> float:
    """The share of variance (numbers), or of the errors of always guessing the commonest class, that a tree on this column
    alone removes, over three folds of all rows."""
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    rows = np.flatnonzero(np.isfinite(codes) if kind in VALUED else np.isfinite(codes) & (codes >= 0))
    rows = np.random.default_rng(case.seed).permutation(rows)[:20_000]
    if len(rows) < ENOUGH:
        return 0.0
    tree: Any = DecisionTreeRegressor if kind in VALUED else DecisionTreeClassifier
    tree = tree(max_leaf_nodes=64, min_samples_leaf=3, random_state=0)
    truth = codes[rows]
    guess = cross_val_predict(tree, view[rows], truth, cv=KFold(3))
    if kind in VALUED:
        return float(1 - ((guess - truth) ** 2).mean() / max(float(truth.var()), 1e-12))
    counts = np.unique(truth, return_counts=True)[1]
    open_ = 1 - counts.max() / len(truth)
    return float(1 - (guess != truth).mean() / open_) if open_ > 0 else 0.0
