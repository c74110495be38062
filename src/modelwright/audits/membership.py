"""Can one tell who was in the training data?"""

from __future__ import annotations

import numpy as np

from ..metrics import area_interval, area_under_roc, cumulative
from ..report import Curve, Table
from ..significance import wilson
from ._case import Case, Finding, Findings, light

RATES = (0.01, 0.001)  # of false alarms
ENOUGH = 20  # rows of a class to speak of


class Membership:
    """Two attacks that guess whether a row was trained on: by its loss alone (Yeom 2018) and by likelihood ratio against
    models trained with and without it (LiRA, Carlini 2022). What counts is how many are found at few false alarms.

    Options:
        warning: share of members found at 1 % false alarms from which the light is yellow.
        bad: share from which it is red.
    """

    def __init__(self, *, warning: float = 0.03, bad: float = 0.1) -> None:
        self.warning, self.bad = warning, bad

    def examine(self, case: Case) -> Findings:
        train, held = case.train.few(case.most, case.seed), case.held.few(case.most, case.seed)
        points = np.concatenate([case.certainty(train), case.certainty(held)])
        member = np.arange(len(points)) < len(train)
        found: Findings = self._findings("by its loss", points, member)
        lines = {"by its loss": _curve(points, member), "guessing": ([0.001, 1.0], [0.001, 1.0])}
        trained = case.shadows
        if trained is None:
            reason = "of a language model" if case.is_language else f"in {case.seconds:.0f} s"
            words, advice = f"it trains models of the same recipe again: not {reason}", "Give it time: --seconds 600."
            found.append(Finding("none", "likelihood ratio", "not measured", words, "" if case.is_language else advice))
        else:
            points, member = ratios(case), np.arange(len(trained.sample)) < len(case.train)
            found += self._findings("likelihood ratio", points, member, f", {len(trained.inside)} shadow models")
            lines["likelihood ratio"] = _curve(points, member)
            found += self._slices(case, points, member)
        note = "Both axes: shares. An attack that guesses finds as many members as it raises false alarms."
        found.append(Curve("Members found", "false alarms", "found", lines, note=note, log_x=True, dashed=["guessing"]))
        return found

    def _findings(self, how: str, points: np.ndarray, member: np.ndarray, more: str = "") -> Findings:
        points, member = points[np.isfinite(points)], member[np.isfinite(points)]
        area = area_under_roc(points, member)
        found: Findings = [
            Finding("none", f"{how}: area under ROC", area, "0.5 is guessing" + more, "", area_interval(points, member))
        ]
        for rate in RATES:
            strangers = int((~member).sum())
            if strangers * rate < 1:
                words = f"needs {1 / rate:,.0f} held rows; there are {strangers:,}"
                found.append(Finding("none", f"{how}: at {100 * rate:g} % false alarms", "not measured", words))
                continue
            share, rows = found_at(points, member, rate), int(member.sum())
            low, high = wilson(share * rows, rows) or (0.0, 1.0)
            tone = light(low, self.warning, self.bad) if rate == RATES[0] else "none"
            words = f"of {rows:,} members are found; guessing finds {100 * rate:g} %"
            advice = (
                "Fewer epochs, stronger regularisation, or privacy: {epsilon: 3}." if tone in ("warning", "bad") else ""
            )
            ends = [round(100 * low, 1), round(100 * high, 1)]
            what = f"{how}: at {100 * rate:g} % false alarms"
            found.append(Finding(tone, what, round(100 * share, 1), words, advice, ends, "%"))
        return found

    def _slices(self, case: Case, points: np.ndarray, member: np.ndarray) -> Findings:
        """The same by class: some are remembered better than others."""
        trained = case.shadows
        if trained.codes is None:
            return []
        rows = []
        for code, name in enumerate(case.run.columns[case.classed[0]].sizes()["classes"]):
            here = (trained.codes == code) & np.isfinite(points)
            inside, outside = int(member[here].sum()), int((~member[here]).sum())
            if min(inside, outside) >= ENOUGH:
                area, share = area_under_roc(points[here], member[here]), found_at(points[here], member[here], 0.01)
                rows.append([name, inside, outside, area, share if outside >= 100 else None])
        if not rows:
            return []
        columns = ["class", "members", "others", "area under ROC", "found at 1 % false alarms"]
        note = "With fewer than 100 others 1 % cannot be told."
        return [Table(f"By class of {case.classed[0]}", columns, rows, note=note)]


def ratios(case: Case) -> np.ndarray:
    """(M,) log N(c; in) - log N(c; out) of the run's certainty c of each row, where the means are those of the shadows that
    have and have not learned it and the variances are shared by all rows (Carlini 2022, section VI C, for few shadows)."""
    trained = case.shadows
    certainty, own = trained.certainty, case.certainty(trained.sample)
    score, known = np.zeros(len(own)), np.isfinite(certainty).all(0)
    for mask, sign in ((trained.inside, 1.0), (~trained.inside, -1.0)):
        count = mask.sum(0)
        mean = (certainty * mask).sum(0) / count
        spread = ((certainty - mean) ** 2 * mask)[:, known].sum() / max((count - 1)[known].sum(), 1)
        spread = max(float(spread), 1e-6) if (count > 1).any() else float(certainty[:, known].var())
        score += sign * (-((own - mean) ** 2) / (2 * spread) - 0.5 * np.log(spread))
    return score


def found_at(points: np.ndarray, member: np.ndarray, rate: float) -> float:
    """The largest share of members found at no more than this rate of false alarms."""
    hits, claimed, _ = cumulative(points, member)
    fits = (claimed - hits) <= rate * (~member).sum()
    return float(hits[fits].max(initial=0) / max(int(member.sum()), 1))


def _curve(points: np.ndarray, member: np.ndarray) -> tuple[list[float], list[float]]:
    known = np.isfinite(points)
    if not known.any():
        return [], []
    hits, claimed, _ = cumulative(points[known], member[known])
    rates = (claimed - hits) / max(int((~member[known]).sum()), 1)
    where = np.unique(np.linspace(0, len(rates) - 1, 200).astype(int))
    return rates[where].tolist(), (hits / max(int(member[known].sum()), 1))[where].tolist()
