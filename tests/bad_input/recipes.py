"""Recipes with mistakes; every mistake of a recipe is named at once, with its file, line and column."""

from __future__ import annotations

from ._case import QUICK, Case

START = "data: data.csv\ntarget: y\n"


def _check(name: str, more: str, message: str, code: int = 2, start: str = START, **others: object) -> Case:
    """`check` on a recipe that begins well."""
    return Case(name, "check recipe.yaml", message, code, recipe=start + more, **others)  # type: ignore[arg-type]


def _train(name: str, more: str, message: str, code: int = 2, start: str = START, **others: object) -> Case:
    return Case(name, f"train recipe.yaml {QUICK} --out r", message, code, recipe=start + more, **others)  # type: ignore[arg-type]


PICTURES = "data: digits\n"

CASES = [
    _check("unknown key", "modle: {}\n", "?"),
    _check("unknown key of model", "model:\n  encoder: {}\n", "?"),
    _check("unknown key of train", "train:\n  epoch: 3\n", "?"),
    _check("unknown key of data", "target: y\n", "?", start="data: {path: data.csv, delimeter: ','}\n"),
    _check("unknown option of an encoder", "model:\n  encoders:\n    table: {kind: mlp, hiden: [3]}\n", "?"),
    _check("unknown option of a column", "columns:\n  a: {kind: number, scal: none}\n", "?"),
    _check("unknown option of a target", "", "?", start="data: data.csv\ntargets:\n  y: {wieght: 2}\n"),
    _check("target weight not a number", "", "?", start="data: data.csv\ntargets:\n  y: {weight: heavy}\n"),
    _check("target weight negative", "", "?", start="data: data.csv\ntargets:\n  y: {weight: -1}\n"),
    _check("target weights sum to nothing", "", "?", start="data: data.csv\ntargets:\n  y: {weight: 0}\n"),
    _check("wrong types", "train: {epochs: many, batch: 1.5, seed: x}\nbaselines: 3\nmodel: [1]\n", "?"),
    _check("train is a list", "train: [1]\n", "?"),
    _check("columns is text", "columns: all\n", "?"),
    _check("target is a list", "", "?", start="data: data.csv\ntarget: [a, y]\n"),
    _check("targets is a list", "", "?", start="data: data.csv\ntargets: [a, y]\n"),
    _check("target and targets", "targets: {a: {}}\n", "?"),
    _check("numbers out of range", "train:\n  epochs: 0\n  batch: -4\n  lr: 0\n  weight_decay: -1\n  ema: 1\n  clip: 0\n"
           "  early_stop: -1\n  accumulate: 0\n  threads: 0\n", "?"),
    _check("steps and epochs", "train: {steps: 5, epochs: 3}\n", "?"),
    _check("duplicate key", "train: {epochs: 1}\ntrain: {epochs: 2}\n", "?"),
    _check("tab", "train:\n\tepochs: 3\n", "?"),
    _check("unclosed bracket", "train: {epochs: 3\n", "?"),
    _check("not a mapping", "", "?", start="- data.csv\n- y\n"),
    _check("empty recipe", "", "?", start="# nothing yet\n"),
    _check("two documents", "---\ndata: b.csv\n", "?"),
    _check("a Python object", "train: !!python/object/apply:os.getcwd []\n", "?"),
    _check("no data", "", "?", start="target: y\n"),
    _check("key that is a number", "3: 4\n", "?"),
    _check("data of a wrong type", "", "?", start="data: 7\ntarget: y\n"),
    _check("unknown encoder", "model: {encoders: {table: mpl}}\n", "?"),
    _check("unknown column kind", "columns: {a: nubmer}\n", "?"),
    _check("unknown head", "model: {heads: {y: boolaen}}\n", "?"),
    _check("unknown fuse", "model: {fuse: concatenate}\n", "?"),
    _check("unknown model", "model: {kind: asembled}\n", "?"),
    _check("unknown optimizer", "train: {optimizer: adamm}\n", "?"),
    _check("unknown schedule", "train: {schedule: cosin}\n", "?"),
    _check("unknown augmentation", "train: {augment: [flipp]}\n", "?"),
    _check("unknown baseline", "baselines: [linnear]\n", "?"),
    _check("unknown size", "model: {size: huge}\n", "?"),
    _check("unknown precision and device", "train: {precision: fp8, device: gpu}\n", "?"),
    _check("option of a wrong type", "model: {encoders: {table: {kind: mlp, hidden: wide, dropout: lots}}}\n", "?"),
    _check("dropout beyond 1", "model: {encoders: {table: {kind: mlp, dropout: 1.5}}}\n", "?"),
    _check("width of nothing", "model: {encoders: {table: {kind: mlp, hidden: [0]}}}\n", "?"),
    _check("negative width", "model: {encoders: {table: {kind: mlp, hidden: [-3]}}}\n", "?"),
    _check("option of an optimizer out of range", "train: {optimizer: {kind: adamw, beta1: 2}}\n", "?"),
    _check("option of a schedule out of range", "train: {schedule: {kind: cosine, warmup: -1}}\n", "?"),
    _check("kind is a number", "model: {encoders: {table: 3}}\n", "?"),
    _check("kind is a list", "model: {encoders: {table: {kind: [mlp]}}}\n", "?"),
    _check("columns that are not there", "columns: {aa: number, b: category}\n", "?"),
    _check("encoder for an unknown input", "model: {encoders: {tabel: mlp}}\n", "?"),
    _check("encoder for a dropped input", "columns: {b: drop}\nmodel: {encoders: {b: mlp}}\n", "?"),
    _check("encoder that cannot read a table", "model: {encoders: {table: rnn}}\n", "?"),
    _check("head for an unknown target", "model: {heads: {z: boolean}}\n", "?"),
    _check("head that does not fit", "model: {heads: {y: number}}\n", "?"),
    _check("heads do not divide width", "model: {encoders: {table: {kind: transformer, width: 10, heads: 4}}}\n", "?"),
    _check("kernel beyond the picture", "model: {encoders: {image: {kind: cnn, kernel: 31, padding: valid}}}\n", "?", start=PICTURES),
    _check("too many shrinking layers", "model: {encoders: {image: {kind: cnn, channels: [4, 4, 4, 4, 4], shrink: [2, 2, 2, 2, 2]}}}\n", "?", start=PICTURES),
    _check("patch beyond the picture", "model: {encoders: {image: {kind: transformer, patch: 64}}}\n", "?", start=PICTURES),
    _check("lists of different length", "model: {encoders: {image: {kind: cnn, channels: [4, 4], kernel: [3, 3, 3]}}}\n", "?", start=PICTURES),
    _train("augmentation without pictures", "train: {augment: [flip]}\n", "?"),
    _check("augmentation without pictures, checked", "train: {augment: [flip]}\n", "?"),
    _check("mixup with a boolean target", "train: {augment: [mixup]}\n", "?"),
    _check("optimizer for full batches", "train: {optimizer: gradient_descent, batch: 8}\n", "?"),
    _train("device without hardware", "train: {device: cuda}\n", "?"),
    _check("device without hardware, checked", "train: {device: cuda}\n", "?"),
    _check("unknown device", "train: {device: tpu9}\n", "?"),
    _train("batch beyond the data", "train: {batch: 100000}\n", "modelwright predict r FILE", 0),
    _train("learning rate far too high", "train: {lr: 1e30, batch: 4}\n", "?", 1),
    _check("unknown kind of split", "target: y\n", "?", start="data: {path: data.csv, split: {kind: stratifed}}\n"),
    _check("unknown option of split", "target: y\n", "?", start="data: {path: data.csv, split: {kind: random, fraction: [1]}}\n"),
    _check("fractions beyond 1", "target: y\n", "?", start="data: {path: data.csv, split: {fractions: [.8, .3, .1]}}\n"),
    _check("two fractions", "target: y\n", "?", start="data: {path: data.csv, split: {fractions: [.8, .2]}}\n"),
    _check("split by an unknown column", "target: y\n", "?", start="data: {path: data.csv, split: {kind: group, column: bb}}\n"),
    _check("split by no column", "target: y\n", "?", start="data: {path: data.csv, split: {kind: group}}\n"),
    _check("split by time of words", "target: y\n", "?", start="data: {path: data.csv, split: {kind: time, column: b}}\n"),
    _check("split by words", "target: y\n", "?", start="data: {path: data.csv, split: {kind: column, column: b}}\n"),
    _check("split is a list", "target: y\n", "?", start="data: {path: data.csv, split: [0.8, 0.2]}\n"),
    _train("one fold", "target: y\n", "?", start="data: {path: data.csv, split: {kind: folds, folds: 1}}\n"),
    _train("more folds than rows", "target: y\n", "?", start="data: {path: data.csv, split: {kind: folds, folds: 500}}\n"),
    _check("folds of words", "target: y\n", "?", start="data: {path: data.csv, split: {kind: folds, folds: ten}}\n"),
    _check("time limit in words", "train: {time_limit: soon}\n", "?"),
    _check("monitor of an unknown score", "train: {monitor: acuracy}\n", "?"),
    _check("five mistakes at once", "columns: {a: nubmer}\nmodel: {encoders: {table: {kind: mlp, hiden: [3]}}, size: big}\n"
           "train: {epoch: 3, optimizer: adamm}\n", "?"),
    _check("mistakes that only the data show", "columns: {aa: number}\nmodel: {encoders: {tabel: mlp}, heads: {z: boolean}}\n", "?"),
    _train("start from no run", "model: {from: nowhere}\n", "?"),
    _train("privacy", "privacy: {epsilon: 1}\n", "?"),
]
