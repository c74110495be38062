"""Do the rows it meets look like those it has learned from?"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import parts
from ..baselines import Features
from ..building import own_encoders
from ..columns import Ragged
from ..data.encoding import keys, of_columns
from ..metrics import area_interval, area_under_roc
from ..prediction import predict_encoded
from ..report import Table
from ..significance import holm
from ._case import CLASSED, Case, Finding, Findings, Sample, together

SIGNIFICANT = 0.01


class Drift:
    """The training rows against DATA (or, without it, against the test rows): each column, the outputs, and a classifier that
    tries to tell the two apart (Lopez-Paz and Oquab 2017).

    Options:
        warning: statistic of a column (0 is alike, 1 is apart) from which a significant difference is yellow.
        bad: statistic from which it is red.
    """

    def __init__(self, *, warning: float = 0.1, bad: float = 0.25) -> None:
        self.warning, self.bad = warning, bad

    def examine(self, case: Case) -> Findings:
        train, other = case.train.few(case.most, case.seed), case.held if case.data is None else case.other
        other, beside = other.few(case.most, case.seed), "the held rows" if case.data is None else "DATA"
        found: Findings = [self._apart(case, train, other, beside)]
        rows = _compared(_columns(case, train), _columns(case, other))
        found += self._told("columns", rows, beside)
        outputs = _compared(_outputs(case, train, other), _outputs(case, other, other))
        found += self._told("outputs", outputs, beside)
        return found

    def _apart(self, case: Case, train: Sample, other: Sample, beside: str) -> Finding:
        area, interval = _classifier(case, train, other)
        low = interval[0] if interval else area
        tone: Any = "bad" if low > 0.65 else "warning" if low > 0.55 else "good"
        words = f"area under ROC of telling training rows from {beside}; 0.5 is alike"
        advice = "" if tone == "good" else "Look at the columns below; train again with new rows."
        return Finding(tone, "rows as a whole", area, words, advice, interval)

    def _told(self, what: str, rows: list[list[Any]], beside: str) -> Findings:
        """The largest significant difference, and the table of all."""
        if not rows:
            return []
        for row, p in zip(rows, holm([row[4] for row in rows])):
            row[4] = p
        moved = [row for row in rows if row[4] < SIGNIFICANT and row[2] >= self.warning]
        rows.sort(key=lambda row: -row[2])
        tone: Any = "bad" if any(row[2] >= self.bad for row in moved) else "warning" if moved else "good"
        names = ", ".join(row[0] for row in sorted(moved, key=lambda row: -row[2])[:4])
        words = f"of {len(rows)} {what} differ between training rows and {beside}" + (f": {names}" if names else "")
        advice = "" if tone == "good" else "Find out why; if it is to stay so, train again with new rows."
        columns = [what[:-1], "test", "statistic", "PSI", "corrected p"]
        note = "Statistic: the largest distance between two distributions (KS), or Cramer's V. PSI above .25 is a large shift."
        return [Finding(tone, what, len(moved), words, advice), Table(f"Drift: {what}", columns, rows[:30], note=note)]


def _columns(case: Case, sample: Sample) -> dict[str, tuple[str, np.ndarray]]:
    """Input column -> how it is tested, and (N,) values of the rows."""
    encoded, found = sample.encoded, dict[str, tuple[str, np.ndarray]]()
    if case.is_language:
        return {"length in tokens": ("KS", encoded.ragged["text"][2].numpy()[sample.index])}
    own = own_encoders(case.run.recipe, case.run.columns)
    place, arrays = keys(case.run.columns, own), encoded.inputs
    grouped = of_columns({k: v for k, v in arrays.items() if not isinstance(v, Ragged)}, case.run.columns, own)
    for name in place:
        values = grouped.get(name, arrays[place[name]])[sample.index]
        kind, summary = (
            parts.kind_of("columns", case.run.columns[name]),
            getattr(case.run.columns[name], "summary", None),
        )
        if isinstance(values, Ragged):
            found[f"{name}: length"] = ("KS", values.lengths)
        if summary:
            few = summary(values)
            found |= {f"{name}: number {place}": ("KS", few[:, place]) for place in range(min(few.shape[1], 8))}
        elif isinstance(values, Ragged):
            found[f"{name}: unknown words"] = ("KS", _share_unknown(values))
        elif values.ndim == 4:
            flat = values.reshape(len(values), -1).astype(np.float32)
            found |= {f"{name}: brightness": ("KS", flat.mean(1)), f"{name}: contrast": ("KS", flat.std(1))}
        elif kind in ("category", "boolean"):
            found[name] = ("chi-square", values[:, 0].astype(np.int64))
        else:
            for number in range(min(values.shape[1], 1 if kind in ("number", "date") else 8)):
                found[name if number == 0 else f"{name} {number}"] = ("KS", values[:, number])
            if kind == "number" and values.shape[1] == 2:
                found[f"{name}: missing"] = ("chi-square", values[:, 1].astype(np.int64))
    return found


def _share_unknown(rows: Ragged) -> np.ndarray:
    unknown = np.append(0, np.cumsum(rows.ids == 1))
    return np.diff(unknown[rows.offsets]) / np.maximum(rows.lengths, 1)


def _outputs(case: Case, sample: Sample, other: Sample) -> dict[str, tuple[str, np.ndarray]]:
    """Target -> its predictions. What is neither class nor number is told by its loss, where DATA has a truth."""
    found: dict[str, tuple[str, np.ndarray]] = {}
    asked = [name for name, kind in case.run.kinds.items() if kind in (*CLASSED, "number")]
    predicted = predict_encoded(case.run.model, sample.encoded, sample.index, only=asked) if asked else {}
    for name, tensors in predicted.items():
        if "probabilities" in tensors:
            found[name] = ("chi-square", tensors["probabilities"].argmax(1))
        else:
            found[name] = ("KS", next(iter(tensors.values())).ravel())
    truthful = all(name in other.encoded.targets for name in case.run.targets)
    if len(asked) < len(case.run.kinds) or case.is_language:
        found |= {"loss": ("KS", case.losses(sample.few(500, case.seed)))} if truthful else {}
    return found


def _compared(one: dict[str, Any], other: dict[str, Any]) -> list[list[Any]]:
    """[name, test, statistic, PSI, p] of each."""
    from scipy import stats

    rows = []
    for name, (test, first) in one.items():
        second = other[name][1]
        if test == "KS":
            first, second = first[np.isfinite(first)], second[np.isfinite(second)]
            if not len(first) or not len(second):
                continue
            result = stats.ks_2samp(first, second)
            statistic, p = float(result.statistic), float(result.pvalue)
            edges = np.unique(np.quantile(first, np.linspace(0, 1, 11)))[1:-1]
            codes = [np.searchsorted(edges, values, side="right") for values in (first, second)]
        else:
            codes = [first, second]
            counts = _counts(codes)
            total = counts.sum()
            if counts.shape[1] < 2:
                statistic, p = 0.0, 1.0
            else:
                chi, p = stats.chi2_contingency(counts, correction=False)[:2]
                statistic, p = float(np.sqrt(chi / total)), float(p)
        rows.append([name, test, statistic, psi(_counts(codes)), p])
    return rows


def _counts(codes: list[np.ndarray]) -> np.ndarray:
    """(2, values) how often each value that occurs occurs in either."""
    _, place = np.unique(np.concatenate(codes), return_inverse=True)
    parts_ = np.split(place, [len(codes[0])])
    return np.stack([np.bincount(part, minlength=place.max() + 1) for part in parts_])


def psi(counts: np.ndarray) -> float:
    """Population stability index of (2, values) counts: the sum of (q - p) ln(q / p), half a row added to each count."""
    p, q = ((row + 0.5) / (row.sum() + 0.5 * len(row)) for row in counts)
    return float(((q - p) * np.log(q / p)).sum())


def _classifier(case: Case, train: Sample, other: Sample) -> tuple[float, Any]:
    """Area under ROC, cross-validated, of boosted trees that tell two samples apart, and its 95 % interval."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    second = np.arange(len(train) + len(other)) >= len(train)
    folds = min(3, len(train), len(other))
    if folds < 2:
        return 0.5, None
    seed = case.seed
    x = Features(together(case, train, other)).fit(np.arange(len(second))).trees()
    model = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=15, random_state=seed, class_weight="balanced")
    points = cross_val_predict(
        model, x, second, cv=StratifiedKFold(folds, shuffle=True, random_state=seed), method="predict_proba"
    )
    return area_under_roc(points[:, 1], second) or 0.5, area_interval(points[:, 1], second)
