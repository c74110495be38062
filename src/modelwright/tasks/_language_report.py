"""The report of a language model: rank, curves, samples, and the account of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from .. import evaluation
from ..data import chat, reading
from ..data.shards import Tokens
from ..errors import DataError
from ..generation import generate
from ..report import Block, Number, Report, Section, Table, Text

SHOWN = (
    "loss",
    "perplexity",
    "bits_per_byte",
    "bits_per_character",
    "accuracy",
    "accuracy_by_length",
    "tokens",
    "rows",
)


def build(run: Any, trained: Any, baselines: dict[str, Any]) -> Report:
    """The whole report of a training."""
    prepared, values = trained.prepared, run.metrics
    report = Report(f"{run.recipe.name()}: language model", data={"run": str(run.path), **values})
    if values["test"]:
        ours = entry(values)
        others = [{"name": name, "kinds": ours["kinds"], **found} for name, found in baselines.items()]
        report.blocks.append(evaluation.leaderboard([ours, *others]))
        report.blocks += _verdict(values)
        rows = [("modelwright", values["test"]["text"]), *((n, b["scores"]["text"]) for n, b in baselines.items())]
        keys = [key for key in SHOWN if key in rows[0][1]]
        part = "test" if "test" in prepared.tokens else "validation"
        report.blocks.append(
            Table(f"Scores on the {part} part", ["model", *keys], [[n, *(s[k] for k in keys)] for n, s in rows])
        )
    report.blocks += evaluation.learning_curves(trained.session.progress.history)
    report.blocks += [Section("Account"), *account(prepared)]
    report.blocks.append(Number("training", values["tokens_per_second"], unit="tokens/s"))
    report.blocks.append(Table("Time", ["stage", "seconds"], [[k, round(v, 2)] for k, v in trained.seconds.items()]))
    return report


def _verdict(values: dict[str, Any]) -> list[Block]:
    """Whether the net is worth it."""
    best = min((scores["text"]["loss"] for scores in values["baselines"].values()), default=None)
    if best is None:
        return []
    ours = values["test"]["text"]["loss"]
    if ours < best:
        return [
            Text(
                "Verdict", f"The net needs {1 - ours / best:.0%} fewer nats a token than the best n-gram model.", "good"
            )
        ]
    return [Text("Verdict", "An n-gram model predicts better: train longer, or take a smaller net.", "warning")]


def entry(values: dict[str, Any]) -> dict[str, Any]:
    """The model's line of a leaderboard."""
    return {
        "name": "modelwright",
        "kinds": {"text": "language"},
        "scores": values["test"],
        **{key: values[key] for key in ("parameters", "flops", "bytes")},
        "fit_seconds": values["seconds"]["train"],
        "predict_seconds": values["seconds"]["test"],
        "note": "",
    }


def account(prepared: Any) -> list[Block]:
    """Parts and choices."""
    texts = [
        [part, len(tokens.starts) - 1, tokens.characters, len(tokens.ids), len(tokens.ids) / max(tokens.characters, 1)]
        for part, tokens in prepared.tokens.items()
    ]
    chosen = [[choice.key, str(choice.value), choice.reason] for choice in prepared.choices]
    notes = [Text("Note", note) for note in prepared.corpus.notes]
    return [
        Table("Texts", ["part", "documents", "characters", "tokens", "tokens a character"], texts),
        *notes,
        Table("Choices", ["key", "value", "why"], chosen),
    ]


def first_row(prepared: Any) -> Text:
    """The first tokens as the model sees them; of chats, those that are learned stand in brackets."""
    batch, tokenizer = prepared.first_batch(), prepared.vocabulary.tokenizer
    ids, labels = batch["ids"][0].tolist()[:200], batch["labels"][0].tolist()
    if prepared.tokens["train"].learned is None:
        return Text("The first row", "|".join(tokenizer.decode([i], skip_special_tokens=False) for i in ids))
    pieces, inside = [], False
    for number, token in enumerate(ids):
        learned = number > 0 and labels[number - 1] == token
        pieces += ["[" if learned else "]"] if learned != inside else []
        pieces.append(tokenizer.decode([token], skip_special_tokens=False))
        inside = learned
    return Text("The first chat, what is learned in brackets", "".join(pieces) + ("]" if inside else ""))


def marks(tokens: Tokens) -> np.ndarray:
    """(N,) the tokens that no model is asked for: each document's first."""
    found = np.zeros(len(tokens.ids), bool)
    found[tokens.starts[:-1]] = True
    return found


def questions(data: Any) -> list[dict[str, Any]]:
    """Rows with prompt, choices and answer; nothing when the data is something else."""
    if isinstance(data, (str, Path)) and Path(data).suffix not in (".jsonl", ".ndjson", ".json", ".parquet"):
        return []
    rows = reading.read(data, Path(".")).table
    if not {"prompt", "choices", "answer"} <= set(rows.column_names):
        return []
    found = rows.to_pylist()
    for number, row in enumerate(found, 1):
        if (
            not isinstance(row["choices"], list)
            or not row["choices"]
            or row["answer"] not in range(len(row["choices"]))
        ):
            raise DataError(
                "answer is the position of the right one of choices, from 0.", where=f"{data}, row {number}"
            )
    return found


def scored(title: str, scores: dict[str, Any], began: float) -> Report:
    """The report of an evaluation."""
    values = {"test": scores, "seconds": {"predict": round(time.perf_counter() - began, 3)}}
    report = Report(title, data=values)
    report.blocks += [
        Number(key.replace("_", " "), value[key]) for value in scores.values() for key in SHOWN if key in value
    ]
    return report


def samples(run: Any, prepared: Any) -> Text:
    """Three texts, as the verb generate writes them."""
    run.model.cpu()
    prompt = "" if "bos" in prepared.vocabulary.special else "\n"
    if prepared.corpus.chat:
        turns: Any = next(prepared.corpus.parts["train"]())[0][:1]
        words = prepared.vocabulary
        prompt = chat.render(turns, words.template or chat.TEMPLATE, words.special, answer=True)
    try:
        written = generate(run, [prompt], samples=3, max_tokens=200)
    except DataError as error:  # the prompt alone fills the context
        return Text("No samples", str(error), "warning")
    return Text("Samples (temperature 0.8)", "\n---\n".join((one.prompt + one.text).strip() for one in written))
