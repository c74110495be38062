"""Recipes with mistakes; every mistake of a recipe is named at once, with its file, line and column."""

from __future__ import annotations

from ._case import check_recipe as _check

CASES = [
    _check(
        "unknown key",
        "modle: {}\n",
        "error: 1 mistake in the recipe:\n  recipe.yaml:3:1: modle: no such key. Did you mean 'model'?",
    ),
    _check(
        "unknown key of model",
        "model:\n  encoder: {}\n",
        "error: 1 mistake in the recipe:\n  recipe.yaml:4:3: model.encoder: no such key. Did you mean 'encoders'?",
    ),
    _check(
        "unknown key of train",
        "train:\n  epoch: 3\n",
        "error: 1 mistake in the recipe:\n  recipe.yaml:4:3: train.epoch: no such key. Did you mean 'epochs'?",
    ),
    _check(
        "unknown key of data",
        "target: y\n",
        "error: 1 mistake in the recipe:\n  recipe.yaml:1:24: data.delimeter: no such key. Did you mean 'delimiter'?",
        start="data: {path: data.csv, delimeter: ','}\n",
    ),
    _check(
        "unknown option of an encoder",
        "model:\n  encoders:\n    table: {kind: mlp, hiden: [3]}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:5:24: model.encoders.table.hiden: no such option. Did you mean 'hidden'?",
    ),
    _check(
        "unknown option of a column",
        "columns:\n  a: {kind: number, scal: none}\n",
        "error: 1 mistake in the recipe:\n  recipe.yaml:4:21: columns.a.scal: no such option. Did you mean 'scale'?",
    ),
    _check(
        "unknown option of a target",
        "",
        "error: 1 mistake in the recipe:\n  recipe.yaml:3:7: targets.y.wieght: no such option. Did you mean 'weight'?",
        start="data: data.csv\ntargets:\n  y: {wieght: 2}\n",
    ),
    _check(
        "target weight not a number",
        "",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:7: targets.y.weight: a weight is a number more than 0, given 'heavy'.",
        start="data: data.csv\ntargets:\n  y: {weight: heavy}\n",
    ),
    _check(
        "target weight negative",
        "",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:7: targets.y.weight: a weight is a number more than 0, given -1.",
        start="data: data.csv\ntargets:\n  y: {weight: -1}\n",
    ),
    _check(
        "target weights sum to nothing",
        "",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:7: targets.y.weight: a weight is a number more than 0, given 0.",
        start="data: data.csv\ntargets:\n  y: {weight: 0}\n",
    ),
    _check(
        "wrong types",
        "train: {epochs: many, batch: 1.5, seed: x}\nbaselines: 3\nmodel: [1]\n",
        "error: 5 mistakes in the recipe:\n"
        "  recipe.yaml:3:9: train.epochs: expected a whole number, given 'many'.\n"
        "  recipe.yaml:3:23: train.batch: expected a whole number or 'auto' or 'all', given 1.5.\n"
        "  recipe.yaml:3:35: train.seed: expected a whole number, given 'x'.\n"
        "  recipe.yaml:4:1: baselines: expected true or false or a list, given 3.\n"
        "  recipe.yaml:5:1: model: expected a mapping, given [1].",
    ),
    _check(
        "train is a list",
        "train: [1]\n",
        "error: 1 mistake in the recipe:\n  recipe.yaml:3:1: train: expected a mapping, given [1].",
    ),
    _check(
        "columns is text",
        "columns: all\n",
        "error: 1 mistake in the recipe:\n  recipe.yaml:3:1: columns: expected a mapping, given 'all'.",
    ),
    _check(
        "target is a list",
        "",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:2:1: target: expected text, given ['a', 'y']. Several are written targets: "
        "{first: {}, second: {}}.",
        start="data: data.csv\ntarget: [a, y]\n",
    ),
    _check(
        "targets is a list",
        "",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:2:1: targets: expected a mapping, given ['a', 'y']. Write targets: {first: {}, "
        "second: {weight: 0.5}}.",
        start="data: data.csv\ntargets: [a, y]\n",
    ),
    _check(
        "target and targets",
        "targets: {a: {}}\n",
        "error: 1 mistake in the recipe:\n  recipe.yaml:3:1: targets: give either target or targets.",
    ),
    _check(
        "numbers out of range",
        "train:\n  epochs: 0\n  batch: -4\n  lr: 0\n  weight_decay: -1\n  ema: 1\n  clip: 0\n"
        "  early_stop: -1\n  accumulate: 0\n  threads: 0\n",
        "error: 9 mistakes in the recipe:\n"
        "  recipe.yaml:4:3: train.epochs: expected at least 1, given 0.\n"
        "  recipe.yaml:5:3: train.batch: expected at least 1 or 'auto' or 'all', given -4.\n"
        "  recipe.yaml:6:3: train.lr: expected more than 0 or 'auto', given 0.\n"
        "  recipe.yaml:7:3: train.weight_decay: expected at least 0, given -1.\n"
        "  recipe.yaml:8:3: train.ema: expected less than 1, given 1.\n"
        "  recipe.yaml:9:3: train.clip: expected more than 0, given 0.\n"
        "  recipe.yaml:10:3: train.early_stop: expected at least 0, given -1.\n"
        "  recipe.yaml:11:3: train.accumulate: expected at least 1, given 0.\n"
        "  recipe.yaml:12:3: train.threads: expected at least 1, given 0.",
    ),
    _check(
        "steps and epochs",
        "train: {steps: 5, epochs: 3}\n",
        "error: 1 mistake in the recipe:\n  recipe.yaml:3:9: train.steps: give either epochs or steps.",
    ),
    _check(
        "duplicate key",
        "train: {epochs: 1}\ntrain: {epochs: 2}\n",
        "error: 2 mistakes in the recipe:\n"
        "  recipe.yaml:4:1: train: the key stands twice.\n"
        "  recipe.yaml:4:9: train.epochs: the key stands twice.",
    ),
    _check(
        "tab",
        "train:\n\tepochs: 3\n",
        "error: recipe.yaml:4:1: not valid YAML: found character '\\t' that cannot start any token. "
        "Indent with spaces.",
    ),
    _check(
        "unclosed bracket",
        "train: {epochs: 3\n",
        "error: recipe.yaml:4:1: not valid YAML: expected ',' or '}', but got '<stream end>'.",
    ),
    _check(
        "not a mapping",
        "",
        "error: recipe.yaml: a recipe is a mapping such as 'data: file.csv'. See: modelwright init",
        start="- data.csv\n- y\n",
    ),
    _check(
        "empty recipe",
        "",
        "error: recipe.yaml: a recipe is a mapping such as 'data: file.csv'. See: modelwright init",
        start="# nothing yet\n",
    ),
    _check(
        "two documents", "---\ndata: b.csv\n", "error: recipe.yaml:3:1: not valid YAML: but found another document."
    ),
    _check(
        "a Python object",
        "train: !!python/object/apply:os.getcwd []\n",
        "error: recipe.yaml:3:8: not valid YAML: could not determine a constructor for the tag "
        "'tag:yaml.org,2002:python/object/apply:os.getcwd'.",
    ),
    _check(
        "no data",
        "",
        "error: 1 mistake in the recipe:\n  recipe.yaml: data: this key is missing. A recipe needs data and target.",
        start="target: y\n",
    ),
    _check(
        "key that is a number",
        "3: 4\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:1: 3: no such key. Known: about, baselines, columns, data, federated, "
        "model, privacy, target, targets, train.",
    ),
    _check(
        "data of a wrong type",
        "",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:1:1: data: rows cannot be read from int. Give a path or name, a pyarrow table, a "
        "pandas or polars frame, a NumPy array, a dict of columns, a list of dicts.",
        start="data: 7\ntarget: y\n",
    ),
    _check(
        "unknown encoder",
        "model: {encoders: {table: mpl}}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:20: model.encoders.table.kind: 'mpl' is not a kind of encoders. Did you mean "
        "'mlp'?",
    ),
    _check(
        "unknown column kind",
        "columns: {a: nubmer}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:11: columns.a.kind: 'nubmer' is not a kind of columns. Did you mean 'number'?",
    ),
    _check(
        "unknown head",
        "model: {heads: {y: boolaen}}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:17: model.heads.y.kind: 'boolaen' is not a kind of heads. Did you mean "
        "'boolean'?",
    ),
    _check(
        "unknown fuse",
        "model: {fuse: concatenate}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:9: model.fuse.kind: 'concatenate' is not a kind of fuse. Did you mean 'concat'?",
    ),
    _check(
        "unknown model",
        "model: {kind: asembled}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:9: model.kind: 'asembled' is not a kind of model. Did you mean 'assembled'?",
    ),
    _check(
        "unknown optimizer",
        "train: {optimizer: adamm}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:9: train.optimizer.kind: 'adamm' is not a kind of optimizers. Did you mean "
        "'adam' or 'adamw'?",
    ),
    _check(
        "unknown schedule",
        "train: {schedule: cosin}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:9: train.schedule.kind: 'cosin' is not a kind of schedules. Did you mean "
        "'cosine'?",
    ),
    _check(
        "unknown augmentation",
        "train: {augment: [flipp]}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:19: train.augment.0.kind: 'flipp' is not a kind of augmentation. Did you mean "
        "'flip'?",
    ),
    _check(
        "unknown baseline",
        "baselines: [linnear]\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:13: baselines.0: 'linnear' is not a baseline. Did you mean 'linear'?",
    ),
    _check(
        "unknown size",
        "model: {size: huge}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:9: model.size: expected 'small', 'medium' or 'large', given 'huge'.",
    ),
    _check(
        "unknown precision and device",
        "train: {precision: fp8, device: gpu}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:9: train.precision: expected 'auto', 'fp32' or 'bf16', given 'fp8'.",
    ),
    _check(
        "option of a wrong type",
        "model: {encoders: {table: {kind: mlp, hidden: wide, dropout: lots}}}\n",
        "error: 2 mistakes in the recipe:\n"
        "  recipe.yaml:3:39: model.encoders.table.hidden: expected a list, given 'wide'.\n"
        "  recipe.yaml:3:53: model.encoders.table.dropout: expected a number, given 'lots'.",
    ),
    _check(
        "dropout beyond 1",
        "model: {encoders: {table: {kind: mlp, dropout: 1.5}}}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:39: model.encoders.table.dropout: expected less than 1, given 1.5.",
    ),
    _check(
        "width of nothing",
        "model: {encoders: {table: {kind: mlp, hidden: [0]}}}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:39: model.encoders.table.hidden: expected at least 1, given 0.",
    ),
    _check(
        "negative width",
        "model: {encoders: {table: {kind: mlp, hidden: [-3]}}}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:39: model.encoders.table.hidden: expected at least 1, given -3.",
    ),
    _check(
        "option of an optimizer out of range",
        "train: {optimizer: {kind: adamw, beta1: 2}}\n",
        "error: 1 mistake in the recipe:\n  recipe.yaml:3:34: train.optimizer.beta1: expected less than 1, given 2.",
    ),
    _check(
        "option of a schedule out of range",
        "train: {schedule: {kind: cosine, warmup: -1}}\n",
        "error: 1 mistake in the recipe:\n  recipe.yaml:3:34: train.schedule.warmup: expected at least 0, given -1.",
    ),
    _check(
        "kind is a number",
        "model: {encoders: {table: 3}}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:20: model.encoders.table: expected text or a mapping, given 3.",
    ),
    _check(
        "kind is a list",
        "model: {encoders: {table: {kind: [mlp]}}}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:28: model.encoders.table.kind: '['mlp']' is not a kind of encoders. Did you "
        "mean 'mlp'?",
    ),
]
