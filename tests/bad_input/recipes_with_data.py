"""Recipes whose mistakes show only together with their data, or with this machine."""

from __future__ import annotations

from ._case import check_recipe as _check
from ._case import train_recipe as _train

PICTURES = "data: digits\n"

CASES = [
    _check(
        "columns that are not there",
        "columns: {aa: number, b: category}\n",
        "error: 1 mistake in the recipe:\n  recipe.yaml:3:11: columns.aa: data has no such column. Did you mean 'a'?",
    ),
    _check(
        "encoder for an unknown input",
        "model: {encoders: {tabel: mlp}}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:20: model.encoders.tabel: there is no such input. Did you mean 'table'?",
    ),
    _check(
        "encoder for a dropped input",
        "columns: {b: drop}\nmodel: {encoders: {b: mlp}}\n",
        "error: 1 mistake in the recipe:\n  recipe.yaml:4:20: model.encoders.b: there is no such input. Known: table.",
    ),
    _check(
        "encoder that cannot read a table",
        "model: {encoders: {table: rnn}}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:20: model.encoders.table: rnn does not read table, only text, image, vector, series.",
    ),
    _check(
        "head for an unknown target",
        "model: {heads: {z: boolean}}\n",
        "error: 1 mistake in the recipe:\n  recipe.yaml:3:17: model.heads.z: there is no such target. Known: y.",
    ),
    _check(
        "head that does not fit",
        "model: {heads: {y: number}}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:17: model.heads.y: a head of kind number cannot learn a target of kind "
        "boolean. Leave it out, or set columns.y.kind to number.",
    ),
    _check(
        "heads do not divide width",
        "model: {encoders: {table: {kind: transformer, width: 10, heads: 4}}}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:20: model.encoders.table: a width of 10 cannot be shared by 4 heads. Choose a "
        "width that is an even multiple of the number of heads.",
    ),
    _check(
        "kernel beyond the picture",
        "model: {encoders: {image: {kind: cnn, kernel: 31, padding: valid}}}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:2:20: model.encoders.image: nothing is left of 8 x 8 after layer 1. Use fewer "
        "layers, padding: same, or a smaller shrink.",
        start=PICTURES,
    ),
    _check(
        "too many shrinking layers",
        "model: {encoders: {image: {kind: cnn, channels: [4, 4, 4, 4, 4], shrink: [2, 2, 2, 2, 2]}}}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:2:20: model.encoders.image: nothing is left of 1 x 1 after layer 4. Use fewer "
        "layers, padding: same, or a smaller shrink.",
        start=PICTURES,
    ),
    _check(
        "patch beyond the picture",
        "model: {encoders: {image: {kind: transformer, patch: 64}}}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:2:47: model.encoders.image.patch: a patch of 64 is larger than the pictures of 8 "
        "x 8.",
        start=PICTURES,
    ),
    _check(
        "lists of different length",
        "model: {encoders: {image: {kind: cnn, channels: [4, 4], kernel: [3, 3, 3]}}}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:2:57: model.encoders.image.kernel: [3, 3, 3] does not give one positive number "
        "for each of 2 layers. Give one number for all layers, or a list as long as channels.",
        start=PICTURES,
    ),
    _train(
        "augmentation without pictures",
        "train: {augment: [flip]}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:9: train.augment: flip changes pictures, and there is no image column.",
    ),
    _check(
        "augmentation without pictures, checked",
        "train: {augment: [flip]}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:9: train.augment: flip changes pictures, and there is no image column.",
    ),
    _check(
        "mixup with a boolean target",
        "train: {augment: [mixup]}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:9: train.augment: mixup cannot mix 'category': categories and texts have no "
        "values in between. Use it with pictures and numbers.",
    ),
    _check(
        "optimizer for full batches",
        "train: {optimizer: gradient_descent, batch: 8}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:38: train.batch: gradient_descent takes all rows a step, given 8. Write batch: "
        "all, or optimizer: sgd.",
    ),
    _train(
        "device without hardware",
        "train: {device: cuda}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:9: train.device: the device 'cuda' cannot be used (Torch not compiled with "
        "CUDA enabled). Use cpu or auto.",
    ),
    _check(
        "device without hardware, checked",
        "train: {device: cuda}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:9: train.device: the device 'cuda' cannot be used (Torch not compiled with "
        "CUDA enabled). Use cpu or auto.",
    ),
    _check(
        "unknown device",
        "train: {device: tpu9}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:9: train.device: the device 'tpu9' cannot be used (Invalid device string). Use "
        "cpu or auto.",
    ),
    _train("batch beyond the data", "train: {batch: 100000}\n", "modelwright predict r FILE", 0),
    _train(
        "learning rate far too high",
        "train: {lr: 1e30, batch: 4}\n",
        "error: the loss of step 2 (epoch 1) is not finite (y nan); its batch holds the rows 30, 33, 32, 14. The "
        "weights before it are kept. Lower train.lr, set train.clip: 1.0, or look at these rows.",
        1,
    ),
    _check(
        "unknown kind of split",
        "target: y\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:1:24: data.split: 'stratifed' is not a kind of split. Did you mean 'stratified'?",
        start="data: {path: data.csv, split: {kind: stratifed}}\n",
    ),
    _check(
        "unknown option of split",
        "target: y\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:1:24: data.split: 'fraction' is not an option of a split. Did you mean "
        "'fractions'?",
        start="data: {path: data.csv, split: {kind: random, fraction: [1]}}\n",
    ),
    _check(
        "fractions beyond 1",
        "target: y\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:1:32: data.split.fractions: fractions are three shares for train, validation and "
        "test that sum to 1, given [0.8, 0.3, 0.1].",
        start="data: {path: data.csv, split: {fractions: [.8, .3, .1]}}\n",
    ),
    _check(
        "two fractions",
        "target: y\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:1:32: data.split.fractions: fractions are three shares for train, validation and "
        "test that sum to 1, given [0.8, 0.2].",
        start="data: {path: data.csv, split: {fractions: [.8, .2]}}\n",
    ),
    _check(
        "split by an unknown column",
        "target: y\n",
        "error: 1 mistake in the recipe:\n  recipe.yaml:1:24: data.split: there is no column 'bb'. Did you mean 'b'?",
        start="data: {path: data.csv, split: {kind: group, column: bb}}\n",
    ),
    _check(
        "split by no column",
        "target: y\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:1:24: data.split: a split of kind group needs the name of a column. Write {kind: "
        "group, column: NAME}.",
        start="data: {path: data.csv, split: {kind: group}}\n",
    ),
    _check(
        "split by time of words",
        "target: y\n",
        "error: column 'b': the cells are neither numbers nor dates. The first is 'red'.",
        start="data: {path: data.csv, split: {kind: time, column: b}}\n",
    ),
    _check(
        "split by words",
        "target: y\n",
        "error: column 'b': 'red' is not train, validation or test. The cells of the column that splits "
        "say train, validation or test.",
        start="data: {path: data.csv, split: {kind: column, column: b}}\n",
    ),
    _check(
        "split is a list",
        "target: y\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:1:24: data.split: expected a kind or a mapping, given [0.8, 0.2]. For example "
        "split: {kind: random, fractions: [0.8, 0.1, 0.1]}.",
        start="data: {path: data.csv, split: [0.8, 0.2]}\n",
    ),
    _train(
        "one fold",
        "target: y\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:1:45: data.split.folds: the number of folds is a whole number from 2 on, given 1.",
        start="data: {path: data.csv, split: {kind: folds, folds: 1}}\n",
    ),
    _train(
        "more folds than rows",
        "target: y\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:1:45: data.split.folds: 500 folds of 40 rows cannot be made. Give 40 at most.",
        start="data: {path: data.csv, split: {kind: folds, folds: 500}}\n",
    ),
    _check(
        "folds of words",
        "target: y\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:1:45: data.split.folds: the number of folds is a whole number from 2 on, given "
        "'ten'.",
        start="data: {path: data.csv, split: {kind: folds, folds: ten}}\n",
    ),
    _check(
        "time limit in words",
        "train: {time_limit: soon}\n",
        "error: 1 mistake in the recipe:\n  recipe.yaml:3:9: train.time_limit: expected a number, given 'soon'.",
    ),
    _check(
        "monitor of an unknown score",
        "train: {monitor: acuracy}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:9: train.monitor: expected 'loss' or 'metric', given 'acuracy'.",
    ),
    _check(
        "five mistakes at once",
        "columns: {a: nubmer}\nmodel: {encoders: {table: {kind: mlp, hiden: [3]}}, size: big}\n"
        "train: {epoch: 3, optimizer: adamm}\n",
        "error: 5 mistakes in the recipe:\n"
        "  recipe.yaml:3:11: columns.a.kind: 'nubmer' is not a kind of columns. Did you mean 'number'?\n"
        "  recipe.yaml:4:39: model.encoders.table.hiden: no such option. Did you mean 'hidden'?\n"
        "  recipe.yaml:4:53: model.size: expected 'small', 'medium' or 'large', given 'big'.\n"
        "  recipe.yaml:5:9: train.epoch: no such key. Did you mean 'epochs'?\n"
        "  recipe.yaml:5:19: train.optimizer.kind: 'adamm' is not a kind of optimizers. Did you mean "
        "'adam' or 'adamw'?",
    ),
    _check(
        "mistakes that only the data show",
        "columns: {aa: number}\nmodel: {encoders: {tabel: mlp}, heads: {z: boolean}}\n",
        "error: 3 mistakes in the recipe:\n"
        "  recipe.yaml:3:11: columns.aa: data has no such column. Did you mean 'a'?\n"
        "  recipe.yaml:4:20: model.encoders.tabel: there is no such input. Did you mean 'table'?\n"
        "  recipe.yaml:4:41: model.heads.z: there is no such target. Known: y.",
    ),
    _train(
        "start from no run",
        "model: {from: nowhere}\n",
        "error: nowhere: there is no such run folder. See: modelwright list",
    ),
    _train(
        "privacy",
        "privacy: {epsilon: 1, delta: 0.4}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:23: privacy.delta: 0.4 is not below 1 / 32: it would allow one row to be published. "
        "Give 3e-03, or leave it out.",
    ),
]
