"""Mistakes in a recipe that its shape alone does not show: unknown parts and options, keys that exclude each other.

Looks at plain values and asks `parts` for kinds and options. What only the data can tell is left to others.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import parts
from .errors import Problem, did_you_mean

READER: dict[str, tuple[type, str]] = {  # options of delimited text
    "header": (bool, "true or false"),
    "names": (list, "a list of names"),
    "delimiter": (str, "one character"),
    "encoding": (str, "the name of an encoding"),
    "skip_spaces": (bool, "true or false"),
    "quote": (str, "one character, or '' for none"),
}
ABOUT = {  # what only a person can say of a run: questions of its card
    "intended_use": "Intended use",
    "not_for": "Not made for",
    "licence": "Licence",
    "contact": "Contact",
    "data_origin": "Who collected the rows, when, how and why",
    "data_consent": "Consent of the people in them",
    "data_licence": "Licence of the data",
}
FOLDS = ("folds", "walk_forward")  # kinds of split that train several times
DATA_KEYS = ("path", "train", "validation", "test", "split", "mask", *READER)


def check(values: dict[str, Any]) -> list[Problem]:
    """What the shape alone cannot tell: parts and their options, and keys that exclude each other."""
    problems: list[Problem] = []
    if values.get("target") is not None and values.get("targets"):
        problems.append(Problem(("targets",), "give either target or targets."))
    model, train = values.get("model"), values.get("train")
    model, train = (model if isinstance(model, dict) else {}), (train if isinstance(train, dict) else {})
    if train.get("epochs") and train.get("steps"):
        problems.append(Problem(("train", "steps"), "give either epochs or steps."))
    if values.get("federated") is not None:
        problems += _check_federated(values)
    problems += _check_targets(values.get("targets")) + _check_data(values.get("data"))
    if isinstance(values.get("data"), dict) and "mask" in values["data"] and model.get("kind") != "language":
        hint = "In a table it is an option of a column: columns: {note: {mask: all}}."
        problems.append(Problem(("data", "mask"), "this key is for the texts of a language model.", hint))
    if isinstance(values.get("privacy"), dict):
        problems += _check_privacy(values, model, train)
    for room, configs in (
        ("columns", values.get("columns")),
        ("encoders", model.get("encoders")),
        ("heads", model.get("heads")),
    ):
        prefix = (room,) if room == "columns" else ("model", room)
        for name, config in configs.items() if isinstance(configs, dict) else ():
            problems += check_part(room, config, (*prefix, name))
    problems += _check_model(model)
    if model.get("fuse") is not None:
        problems += check_part("fuse", model["fuse"], ("model", "fuse"))
    for room, key in (("optimizers", "optimizer"), ("schedules", "schedule")):
        if train.get(key) is not None:
            problems += check_part(room, train[key], ("train", key))
    augment = train.get("augment")
    for index, config in enumerate(augment if isinstance(augment, list) else ()):
        problems += check_part("data.augmentation", config, ("train", "augment", index))
    about = values.get("about")
    unknown = [key for key in about if key not in ABOUT] if isinstance(about, dict) else []
    problems += [Problem(("about", key), "no such key.", did_you_mean(key, ABOUT)) for key in unknown]
    if isinstance(values.get("baselines"), list):
        for index, name in enumerate(values["baselines"]):
            if name not in parts.kinds("baselines"):
                hint = did_you_mean(name, parts.kinds("baselines"))
                problems.append(Problem(("baselines", index), f"'{name}' is not a baseline.", hint))
    return problems


def _check_privacy(values: dict[str, Any], model: dict[str, Any], train: dict[str, Any]) -> list[Problem]:
    """What a training with differential privacy must not do: look at the rows in ways that nobody accounts for."""
    problems, privacy, data = [], values["privacy"], values.get("data")
    if (privacy.get("epsilon") is None) == (privacy.get("noise") is None):
        problems.append(Problem(("privacy",), "give either epsilon or noise.", "For example privacy: {epsilon: 3}."))
    if model.get("kind") == "language":
        message = "this needs a model that predicts a target; a language model spreads a text over rows that each hide nobody."
        problems.append(Problem(("privacy",), message, "Train with privacy what predicts a target."))
    split = data.get("split") if isinstance(data, dict) else None
    if (split.get("kind") if isinstance(split, dict) else split) in FOLDS:
        message = "each fold would be one more training on the same rows."
        problems.append(Problem(("data", "split"), message, "Use a random or stratified split."))
    chosen = "it is chosen by looking at the rows, which epsilon would not count."
    for key, refused, hint in (
        ("lr", ["auto"], "Give a number."),
        ("batch", ["auto"], "Give a number of rows."),
        ("precision", ["bf16"], "Clipped gradients need fp32."),
        ("schedule", ["plateau"], "Use constant or cosine."),
    ):
        given = train.get(key)
        if parts.split(given)[0] in refused if isinstance(given, dict) else given in refused:
            problems.append(Problem(("train", key), chosen if key != "precision" else f"given {given}.", hint))
    if train.get("early_stop"):
        problems.append(Problem(("train", "early_stop"), chosen, "Write early_stop: 0; more epochs cost noise."))
    if train.get("balance") is not None:
        message = "the noise is reckoned for rows that are all drawn equally often."
        problems.append(Problem(("train", "balance"), message, "Use class_weights: balanced in the head."))
    for index, config in enumerate(train.get("augment") or ()):
        if parts.split(config)[0] == "mixup":
            message = "it mixes rows, so that no row's influence can be bounded."
            problems.append(Problem(("train", "augment", index), message, "Use shift, flip or crop."))
    return problems


COMMON = ("kind", "size", "from")
SUPERVISED = (*COMMON, "encoders", "fuse", "heads", "weights")
SIZES = ("small", "medium", "large")


def _check_model(model: dict[str, Any]) -> list[Problem]:
    """The kind of model and the keys it takes: an assembled one those of its parts, another its constructor's options."""
    kind = model.get("kind", "assembled")
    if kind not in parts.kinds("models"):
        hint = did_you_mean(str(kind), parts.kinds("models"))
        return [Problem(("model", "kind"), f"'{kind}' is not a kind of model.", hint)]
    if kind == "assembled":
        unknown = [key for key in model if key not in SUPERVISED]
        problems = [Problem(("model", key), "no such key.", did_you_mean(key, SUPERVISED)) for key in unknown]
        if model.get("size") is not None and model["size"] not in SIZES:
            message = f"expected 'small', 'medium' or 'large', given {model['size']!r}."
            problems.append(Problem(("model", "size"), message))
        if isinstance(model.get("heads"), int):
            problems.append(Problem(("model", "heads"), f"expected a mapping, given {model['heads']}."))
        return problems
    given = {key: value for key, value in model.items() if key not in (*COMMON, "tokenizer", "lora")}
    found = parts.validate(parts.find("models", kind), given)[1]
    return [Problem(("model", *problem.path), problem.message, problem.hint) for problem in found if problem.path]


def _check_federated(values: dict[str, Any]) -> list[Problem]:
    given, data = values["federated"], values.get("data")
    if not isinstance(given, dict):
        return [Problem(("federated",), "expected a mapping.", "For example federated: {clients: 100}.")]
    found = parts.validate(parts.find("privacy", "federated"), given)[1]
    problems = [Problem(("federated", *problem.path), problem.message, problem.hint) for problem in found]
    split = data.get("split") if isinstance(data, dict) else None
    if (split.get("kind") if isinstance(split, dict) else split) in FOLDS:
        problems.append(Problem(("federated",), "folds are trained in one place.", "Leave out one of the two."))
    train = values.get("train")
    if isinstance(train, dict) and train.get("balance") is not None:
        message = "clients draw their own rows, each as often as the others."
        problems.append(Problem(("train", "balance"), message, "Leave out one of the two."))
    if values.get("privacy") is not None:
        hint = "Leave out privacy; federated: {clip: 1.0, noise: 1.0} makes whole clients private."
        problems.append(Problem(("privacy",), "clients do not train with privacy for single rows.", hint))
    return problems


def _check_targets(targets: Any) -> list[Problem]:
    problems = []
    for name, options in targets.items() if isinstance(targets, dict) else ():
        for key, value in options.items() if isinstance(options, dict) else ():
            if key == "head":
                problems += check_part("heads", value, ("targets", name, key))
            elif key not in ("weight", "costs"):
                hint = did_you_mean(key, ["weight", "costs", "head"])
                problems.append(Problem(("targets", name, key), "no such option.", hint))
            elif key == "costs":
                if not _is_square(value):
                    message = f"costs are a row of numbers for each true class, given {value!r}."
                    problems.append(Problem(("targets", name, key), message, "For two classes: [[0, 1], [5, 0]]."))
            elif isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
                message = f"a weight is a number more than 0, given {value!r}."
                problems.append(Problem(("targets", name, key), message))
    return problems


def _is_square(value: Any) -> bool:
    """Whether a value is K rows of K finite numbers."""
    rows = value if isinstance(value, list) else []
    cells = [cell for row in rows for cell in (row if isinstance(row, list) else [None])]
    numbers = all(isinstance(c, (int, float)) and not isinstance(c, bool) and abs(c) < float("inf") for c in cells)
    return len(rows) > 1 and numbers and all(len(row) == len(rows) for row in rows)


def reader_of(data: Any) -> str:
    """The reader that a mapping of `data` names as one of its keys, or nothing: `series` of `{series: file.csv}`."""
    named = data if isinstance(data, Mapping) else {}
    return next((key for key in parts.kinds("readers") if isinstance(named.get(key), (str, Path, Mapping))), "")


def _check_reader(kind: str, data: dict[str, Any]) -> list[Problem]:
    given = {key: value for key, value in data.items() if key not in (kind, "split")}
    found = parts.validate(parts.find("readers", kind), given)[1]
    return [Problem(("data", *problem.path), problem.message, problem.hint) for problem in found]


def _unknown_keys(data: dict[str, Any]) -> list[Problem]:
    unknown = [key for key in data if key not in DATA_KEYS]
    return [Problem(("data", key), "no such key.", did_you_mean(key, DATA_KEYS)) for key in unknown]


def _check_data(data: Any) -> list[Problem]:
    """Keys of a mapping that says where rows are, and its split as far as it can be judged without the rows."""
    reader = reader_of(data)
    if not reader and (
        not isinstance(data, dict) or not isinstance(data.get("path", data.get("train")), (str, Path, dict))
    ):
        return []
    problems = _check_reader(reader, data) if reader else _unknown_keys(data)
    for key, (kind, wanted) in READER.items():
        value = data.get(key)
        if value is not None and (not isinstance(value, kind) or (key == "quote" and len(str(value)) > 1)):
            problems.append(Problem(("data", key), f"expected {wanted}, given {value!r}."))
    split = data.get("split")
    if split is not None and not isinstance(split, (str, dict)):
        hint = "For example split: {kind: random, fractions: [0.8, 0.1, 0.1]}."
        problems.append(Problem(("data", "split"), f"expected a kind or a mapping, given {split!r}.", hint))
    elif isinstance(split, dict) and split.get("kind") in FOLDS:
        usual = ("kind", "folds", "column", "official", "validation")
        known = usual if split["kind"] == "folds" else (*usual, "known", "window")
        unknown = [key for key in split if key not in known]
        problems += [Problem(("data", "split", key), "no such option.", did_you_mean(key, known)) for key in unknown]
        folds = split.get("folds", 10)
        if isinstance(folds, bool) or not isinstance(folds, int) or folds < 2:
            message = f"the number of folds is a whole number from 2 on, given {folds!r}."
            problems.append(Problem(("data", "split", "folds"), message))
        if split.get("window", "sliding") not in ("expanding", "sliding"):
            message = f"expected 'expanding' or 'sliding', given {split['window']!r}."
            problems.append(Problem(("data", "split", "window"), message))
        share = split.get("validation", 0.1)
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share < 1:
            message = f"the share of the other rows that validates is from 0 to less than 1, given {share!r}."
            problems.append(Problem(("data", "split", "validation"), message))
    return problems


def check_part(room: str, config: Any, path: tuple) -> list[Problem]:
    """The mistakes in one part's config: unknown kind, unknown option, wrong type. A config without kind is left to
    whoever chooses the kind."""
    if not isinstance(config, (str, dict)):
        return []
    kind, given = parts.split(config)
    if not kind and room == "columns" and "mask" in given:  # read before the kind is known
        problems = parts.validate(parts.find("columns", "text"), {"mask": given["mask"]})[1]
        return [Problem((*path, *problem.path), problem.message, problem.hint) for problem in problems]
    if not kind or (room == "columns" and kind == "drop"):
        return []
    return parts.mistakes(room, config, path)
