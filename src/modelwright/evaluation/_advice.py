"""What the figures of a training say should be done next, with the recipe's key for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .. import metrics, parts
from ..report import Text, shown

_WIDE = 0.1  # an interval of accuracy wider than this tells little apart
_SUSPICIOUS = 0.999
Scores = Mapping[str, Mapping[str, Any]]


def advice(
    history: Sequence[Mapping[str, Any]],
    test: Scores,
    validation: Scores | None = None,
    baselines: Mapping[str, Scores] | None = None,
    kinds: Mapping[str, str] | None = None,
    rows: Mapping[str, int] | None = None,
    balance: Mapping[str, Sequence[int]] | None = None,
    leaks: Sequence[str] = (),
) -> list[Text]:
    """Paragraphs, the gravest first; one that all is well if nothing is to be mended.

    history: the records `learning_curves` reads. test, validation: target -> metrics. baselines: name -> the same.
    kinds: target -> kind. rows: rows of `train`, `validation`, `test`. balance: target -> training rows of each class.
    leaks: columns known to tell a target nearly alone.
    """
    kinds = kinds or {target: "category" if "accuracy" in scores else "number" for target, scores in test.items()}
    found: list[Text] = []
    for target, scores in test.items():
        if kinds[target] in ("text", "reconstruct"):  # BLEU and nats have no level at which anything follows
            continue
        beside = {name: each[target] for name, each in (baselines or {}).items() if each.get(target)}
        checked = (validation or {}).get(target) or {}
        found += [
            *_leak(target, kinds[target], scores, beside, leaks),
            *_against_baselines(target, kinds[target], scores, beside),
            *_imbalance(target, kinds[target], scores, (balance or {}).get(target)),
            *(_certainty(target, kinds[target], scores, checked) if kinds[target] in metrics.KINDS else []),
        ]
    found += [*_fit(history), *_few_rows(rows)]
    order = {"warning": 0, "advice": 1, "good": 2, "plain": 3}
    found.sort(key=lambda text: order[text.tone])
    if not any(text.tone in ("warning", "advice") for text in found):
        found.append(Text("Nothing to mend", "No sign of over-fitting, under-fitting, leakage or imbalance.", "good"))
    return found


def _leak(target: str, kind: str, scores: Mapping[str, Any], beside: Scores, leaks: Sequence[str]) -> list[Text]:
    mend = "If a column would not be known when predicting, leave it out: columns: {<name>: {kind: drop}}."
    if leaks:
        names = ", ".join(leaks)
        return [Text("Leakage?", f"{names} nearly tells {target} alone. {mend}", "warning")]
    value = scores.get("r2") if kind in ("number", "vector") else scores.get(metrics.main(kind)[0])
    floor = (beside.get("majority") or {}).get(metrics.main(kind)[0], 0.0) or 0.0
    easy = kind not in ("number", "vector") and floor > 0.99
    if value is None or value < _SUSPICIOUS or scores.get("rows", 0) < 100 or easy:
        return []
    tree = (beside.get("tree") or {}).get("r2" if kind in ("number", "vector") else metrics.main(kind)[0])
    if tree is not None and tree < 0.99:  # a column that holds the answer is what one tree finds first
        return []
    alone = "" if tree is None else " One decision tree does it as well, so few columns suffice."
    text = f"{target} is predicted almost perfectly ({shown(float(value))}).{alone} {mend}"
    return [Text("Too good?", text, "warning")]


def _against_baselines(target: str, kind: str, scores: Mapping[str, Any], beside: Scores) -> list[Text]:
    main, higher = metrics.main(kind)
    mine, sign = scores.get(main), 1 if higher else -1
    others = {name: each[main] for name, each in beside.items() if each.get(main) is not None}
    if mine is None or not others:
        return []
    best = max(others, key=lambda name: sign * others[name])
    low, high = _interval(scores, main)
    words = f"{main} {shown(others[best])} against {shown(mine)}"
    found = []
    words_of = "" if best in parts.kinds("baselines") else best  # what learns nothing, which the target's column brings
    majority = others.get("majority")
    if majority is not None and (low <= majority <= high or sign * majority > sign * mine):
        text = (
            f"{target} is predicted no better than by always giving the same answer ({main} {shown(majority)}). Check "
            "that the inputs can tell it; then train.epochs for longer, another train.lr, or a larger model.size."
        )
        found.append(Text("Nothing learnt yet", text, "warning"))
    if low <= others[best] <= high or (low == high and math.isclose(others[best], mine)):
        if words_of:
            text = f"On {target} {words_of} is as good, as far as these test rows can tell ({words})."
            found.append(Text("As good without a model", text, "warning"))
        elif best != "majority":
            text = (
                f"On {target} {best} is within the margin of error ({words}): these test rows cannot tell them apart."
            )
            found.append(Text("Level with a baseline", text, "plain"))
    elif sign * others[best] > sign * mine:
        text = (
            f"{words_of or best} predicts {target} better ({words}). Use it, or give the network more: train.epochs, "
            "train.lr: auto, another encoder, or a larger model.size."
        )
        found.append(Text("A baseline wins", text, "advice"))
    else:
        found.append(Text("Ahead of every baseline", f"On {target} the best of them is {best} ({words}).", "good"))
    return found


def _imbalance(target: str, kind: str, scores: Mapping[str, Any], counts: Sequence[int] | None) -> list[Text]:
    accuracy, balanced = scores.get("accuracy"), scores.get("balanced_accuracy")
    gap = accuracy is not None and balanced is not None and accuracy - balanced > 0.1
    rare = bool(counts) and max(counts) > 10 * max(1, min(counts))  # type: ignore[type-var, arg-type]
    rare_f1 = scores.get("macro_f1", scores.get("f1"))
    missed = rare and accuracy is not None and rare_f1 is not None and rare_f1 < accuracy - 0.1
    if not gap and not missed:
        return []
    option = "positive_weight" if kind == "boolean" else "class_weights"
    how = f" (accuracy {shown(accuracy)}, mean recall of the classes {shown(balanced)})" if gap else ""
    text = (
        f"The rare classes of {target} are often missed{how}. Weigh the classes alike (model.heads.{target}: "
        f"{{kind: {kind}, {option}: balanced}}), choose a decision threshold by cost, or collect more of their rows."
    )
    return [Text("Unbalanced classes", text, "advice")]


def _certainty(target: str, kind: str, scores: Mapping[str, Any], checked: Mapping[str, Any]) -> list[Text]:
    main, higher = metrics.main(kind)
    low, high = _interval(scores, main)
    value, found = scores.get(main), []
    if value is not None and high > low:
        wide = high - low > _WIDE if main != "rmse" else high - low > 0.2 * value
        if wide:
            text = (
                f"On {scores.get('rows')} test rows the {main} of {target} is only known to lie between {shown(low)} "
                f"and {shown(high)}. Compare over folds (data: {{split: {{kind: folds, folds: 10}}}}) or more rows."
            )
            found.append(Text("A small test set", text, "advice"))
        other = checked.get(main)
        outside = other is not None and (other - high if higher else low - other) > (high - low)
        if outside:
            text = (
                f"The validation rows score {shown(other)}, the test rows {shown(value)}: more than chance. They may "
                "come from different sources, or rows of one group lie in both training and validation rows: "
                "data: {split: {kind: group, column: <name>}}, or kind: time."
            )
            found.append(Text("Test rows are harder", text, "warning"))
    return found


def _fit(history: Sequence[Mapping[str, Any]]) -> list[Text]:
    """Over-fitting, unfinished and unsteady training, from the losses of the epochs."""
    pairs = [(r["epoch"], r["loss"], r["validation_loss"]) for r in history if r.get("validation_loss") is not None]
    if len(pairs) < 3:
        return []
    epochs, train, checked = (list(column) for column in zip(*pairs))
    best = min(range(len(checked)), key=checked.__getitem__)
    lowest, last, found = shown(float(checked[best])), shown(float(checked[-1])), []
    if checked[-1] - checked[best] > 0.1 * abs(checked[best]) and train[-1] < train[best]:
        text = (
            f"After epoch {epochs[best]} the validation loss rose from {lowest} to {last} while the training loss went "
            "on falling. Keep the best weights (train.early_stop: 3), and hold the model back: dropout in its encoder, "
            "train.weight_decay, train.augment for pictures, or a smaller model.size."
        )
        found.append(Text("Over-fitting", text, "advice"))
    elif train[best] > 0 and checked[best] > 2 * train[best] and checked[best] - train[best] > 0.05:
        text = (
            f"The validation loss ({lowest}) is far above the training loss ({shown(float(train[best]))}). More rows "
            "or train.augment help most; then dropout in the encoder, train.weight_decay, a smaller model.size."
        )
        found.append(Text("Over-fitting", text, "advice"))
    tail = max(1, len(checked) // 5)
    if best == len(checked) - 1 and min(checked[:-tail]) - checked[-1] > 0.02 * abs(min(checked[:-tail])):
        text = f"The validation loss was still falling in the last of {len(checked)} epochs. Raise train.epochs."
        found.append(Text("Still improving when it stopped", text, "advice"))
    if train[-1] - min(train) > max(0.2 * abs(min(train)), 0.05):
        text = "The training loss rose again. Lower train.lr, or set train.clip: 1.0 and train.schedule: cosine."
        found.append(Text("Unsteady training", text, "advice"))
    return found


def _few_rows(rows: Mapping[str, int] | None) -> list[Text]:
    if not rows or rows.get("train", 1_000) >= 200:
        return []
    text = f"{rows['train']} training rows are few for a network: prefer a small model.size, and believe folds only."
    return [Text("Few rows", text, "plain")]


def _interval(scores: Mapping[str, Any], main: str) -> tuple[float, float]:
    interval, value = scores.get(f"{main}_interval"), scores.get(main)
    if interval:
        return interval[0], interval[1]
    deviation = scores.get(f"{main}_sd")
    if value is None:
        return 0.0, 0.0
    half = metrics.Z * deviation / math.sqrt(max(1, scores.get("folds", 1))) if deviation is not None else 0.0
    return value - half, value + half
