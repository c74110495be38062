"""Texts and their classes: a class that is none of the others, and folds that others measured on."""

from __future__ import annotations

from ._case import check_recipe, train_recipe

MISTAKE = "error: 1 mistake in the recipe:\n  recipe.yaml:"
START = "target: y\n"

CASES = [
    check_recipe(
        "an outside class that is a number",
        "columns: {y: {kind: category, outside: 3}}\n",
        MISTAKE + "3:31: columns.y.outside: expected text, given 3.",
    ),
    check_recipe(
        "a weight of nothing for rows outside",
        "columns: {y: {kind: category, outside: none}}\nmodel: {heads: {y: {kind: category, outside_weight: 0}}}\n",
        MISTAKE + "4:37: model.heads.y.outside_weight: expected more than 0, given 0.",
    ),
    check_recipe(
        "a class outside that no row has", "columns: {y: {kind: category, outside: neither}}\n", "ready to train", 0
    ),
    train_recipe(
        "folds by a column that is not there",
        "data: {path: data.csv, split: {kind: folds, folds: 4, column: fold}}\n",
        MISTAKE + "2:24: data.split: there is no column 'fold'. Known: a, b, y.",
        start=START,
    ),
    check_recipe(
        "folds whose rows all validate",
        "data: {path: data.csv, split: {kind: folds, folds: 4, validation: 1}}\n",
        MISTAKE
        + "2:55: data.split.validation: the share of the other rows that validates is from 0 to less than 1, given 1.",
        start=START,
    ),
    train_recipe(
        "folds that are not as many as those of the column",
        "data: {path: data.csv, split: {kind: folds, folds: 9, column: a}}\n",
        MISTAKE + "2:24: data.split: the column 'a' has 7 groups, 9 parts are wanted.",
        start=START,
    ),
]
