"""Actions and histories: columns that are not there, times that are none, users with too few items."""

from __future__ import annotations

from ._case import QUICK, Case

ACTIONS = "user,item,when\n" + "".join(f"u{n},i{(n + k) % 7},{10 * k + n}\n" for n in range(12) for k in range(4))
NEXT = "model: {encoders: {history: {kind: transformer, causal: true, width: 8, heads: 2, layers: 1}}}\n"


def _train(name: str, recipe: str, message: str, code: int = 2, actions: str = ACTIONS) -> Case:
    command = f"train recipe.yaml {QUICK} train.speed=fixed train.threads=1 --out r"
    return Case(name, command, message, code, recipe, {"actions.csv": actions})


CASES = [
    _train(
        "actions without such a user",
        "data: {interactions: actions.csv, user: User}\n" + NEXT,
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:1:35: data.user: there is no column 'User' for the user. Name it: data: {interactions: ..., user: user}. Did you mean 'user'?",
    ),
    _train(
        "actions with an unknown key",
        "data: {interactions: actions.csv, times: when}\n" + NEXT,
        "error: 1 mistake in the recipe:\n  recipe.yaml:1:35: data.times: no such option. Did you mean 'time'?",
    ),
    _train(
        "actions whose times are none",
        "data: {interactions: actions.csv, time: item}\n" + NEXT,
        "error: column 'item': the cells are neither numbers nor dates. The first is 'i0'.",
    ),
    _train(
        "a lowest rating without ratings",
        "data: {interactions: actions.csv, least: 3}\n" + NEXT,
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:1:35: data.least: the option least needs the column of ratings. Name it as rating.",
    ),
    _train(
        "actions of which none follows another",
        "data: {interactions: actions.csv}\n" + NEXT,
        "error: actions: no user has an item that came next. A user needs two actions at least.",
        actions="user,item\na,1\nb,2\n",
    ),
    _train(
        "no actions",
        "data: {interactions: actions.csv}\n" + NEXT,
        "error: actions.csv: the file has a header and no rows. If it has no header: header: false",
        actions="user,item\n",
    ),
    _train(
        "actions that are not there",
        "data: {interactions: action.csv}\n" + NEXT,
        "error: action.csv: the file does not exist. Did you mean 'actions.csv' or 'data.csv'?",
    ),
    _train(
        "a way to hold out that is none",
        "data: {interactions: actions.csv, hold_out: half}\n" + NEXT,
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:1:35: data.hold_out: expected 'leave_one_out' or 'none', given 'half'.",
    ),
    _train(
        "next items of an encoder that looks ahead",
        "data: {interactions: actions.csv}\nmodel: {encoders: {history: transformer}}\n".replace(
            "transformer", "{kind: transformer, width: 8, heads: 2}"
        ),
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:2:1: model.heads.next: the head tells what comes next, and the encoder has looked ahead. Take one that reads in one direction: {kind: transformer, causal: true} or {kind: rnn}.",
    ),
    _train(
        "next items of a bag",
        "data: {interactions: actions.csv}\nmodel: {encoders: {history: bag}}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:2:1: model.heads.next: the head tells what comes next, and the encoder has looked ahead. Take one that reads in one direction: {kind: transformer, causal: true} or {kind: rnn}.",
    ),
    _train(
        "a tied head without embeddings",
        "data: {interactions: actions.csv}\nmodel: {encoders: {history: rnn}}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:2:1: model.heads.next: the head shares the embeddings of an encoder that has none. Set tied: false, or take a transformer.",
    ),
    _train(
        "a target that shares nothing",
        "data: {interactions: actions.csv}\ncolumns: {next: {shares: histories}}\n" + NEXT,
        "error: column 'next': it shares the codes of 'histories', which is no such column. Did you mean 'history'?",
    ),
    _train(
        "a causal encoder read at its class token",
        "data: data.csv\ntarget: y\ncolumns: {b: {kind: text}}\nmodel: {encoders: {b: {kind: transformer, causal: true, pool: first, width: 8, heads: 2}}}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:4:57: model.encoders.b.pool: a class token in front sees none of the tokens behind it. Pool by last.",
    ),
    _train(
        "actions out of order and twice",
        "data: {interactions: actions.csv, time: when}\n" + NEXT,
        "they were sorted",
        0,
        ACTIONS + "u1,i9,1\nu1,i9,1\n",
    ),
    _train(
        "a factorisation of a text",
        "data: data.csv\ntarget: y\ncolumns: {b: text}\nmodel: {encoders: {b: factorization}}\n",
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:4:20: model.encoders.b: factorization does not read text, only table.",
    ),
]
