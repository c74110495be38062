"""Pictures and numbers of a drive: what cannot be balanced, mirrored or scored apart."""

from __future__ import annotations

from pathlib import Path

from ._case import Case, check_recipe

START = "data: data.csv\ntargets: {steering: {}, way: {}}\n"
MISTAKE = "error: 1 mistake in the recipe:\n  recipe.yaml:"


def _drive(folder: Path) -> None:
    from PIL import Image

    (folder / "frames").mkdir()
    lines = ["frame,picture,steering,way"]
    for number in range(40):
        Image.new("L", (8, 6), number * 6).save(folder / "frames" / f"{number}.png")
        lines.append(f"{number},frames/{number}.png,{(number % 5 - 2) / 2},{'ab'[number % 2]}")
    (folder / "data.csv").write_text("\n".join(lines) + "\n")


def _case(name: str, more: str, message: str) -> Case:
    return Case(name, "check recipe.yaml", MISTAKE + message, recipe=START + more, prepare=_drive)


CASES = [
    _case(
        "balancing what is no target",
        "train: {balance: {target: stering}}\n",
        "3:19: train.balance.target: 'stering' is not a target. Did you mean 'steering'?",
    ),
    _case(
        "balancing nothing",
        "train: {balance: {bins: 5}}\n",
        "3:9: train.balance.target: this key is missing.",
    ),
    _case(
        "one bin",
        "train: {balance: {target: steering, bins: 1}}\n",
        "3:37: train.balance.bins: expected at least 2, given 1.",
    ),
    _case(
        "an unknown key of balance",
        "train: {balance: {target: steering, shares: 1}}\n",
        "3:37: train.balance.shares: no such key. Did you mean 'share'?",
    ),
    _case(
        "mirroring a class",
        "train: {augment: [{kind: mirror, negate: [way]}]}\n",
        "3:34: train.augment.0.negate: 'way' is no target of numbers. Known: steering.",
    ),
    _case(
        "a slice without a comparison",
        "columns: {steering: {kind: number, slices: {turning: not 0}}}\n",
        "3:36: columns.steering.slices: expected a comparison with a number, such as != 0 or >= 2.5, given 'not 0'.",
    ),
    check_recipe(
        "mirroring texts",
        "columns: {b: {kind: text}}\nmodel: {encoders: {b: {kind: ensemble, mirror: true}}}\n",
        MISTAKE + "4:40: model.encoders.b.mirror: only pictures can be mirrored.",
    ),
    check_recipe(
        "balancing clients",
        "train: {balance: {target: y}}\nfederated: {clients: 2}\n",
        MISTAKE
        + "3:9: train.balance: clients draw their own rows, each as often as the others. Leave out one of the two.",
    ),
    check_recipe(
        "balancing private rows",
        "train: {balance: {target: y}}\nprivacy: {epsilon: 3}\n",
        MISTAKE
        + "3:9: train.balance: the noise is reckoned for rows that are all drawn equally often. Use class_weights: balanced "
        "in the head.",
    ),
]
