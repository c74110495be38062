"""How well a language model predicts texts: nats a token, perplexity, bits a byte and a character.

Knows nothing of recipes, training or reports.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import nn

from .blocks.stream import Batch
from .data.packing import Packed, TokenBatches
from .data.shards import Tokens, Vocabulary
from .errors import DataError
from .loop import StepOptions
from .significance import Z

AT_ONCE = 8_192  # tokens of a forward pass


@torch.inference_mode()
def nats(model: nn.Module, batches: Iterable[Batch], options: StepOptions | None = None) -> tuple[float, int]:
    """The sum of the losses of all labels, and their number, with the model in evaluation mode while it lasts."""
    found = list(_nats(model, batches, options))
    return sum(total for total, _ in found), sum(count for _, count in found)


def _nats(
    model: nn.Module, batches: Iterable[Batch], options: StepOptions | None = None
) -> Iterator[tuple[float, int]]:
    """The same of each batch."""
    options = options or StepOptions(device=next(model.parameters()).device.type)
    was_training = model.training
    model.eval()
    for batch in batches:
        with options.autocast():
            value, number = model({key: tensor.to(options.device) for key, tensor in batch.items()})["text"]
        yield float(value), int(number)
    model.train(was_training)


def in_order(tokens: Tokens, context: int) -> TokenBatches:
    """Every token of a part once, each document cut into pieces of the context."""
    return TokenBatches(Packed(tokens, context), max(AT_ONCE // context, 1), 0, 1)


def scores(total: float, count: int, tokens: Tokens) -> dict[str, Any]:
    """What the losses of a part mean: `loss` in nats a token and `perplexity` depend on the tokenizer; `bits_per_byte`
    and `bits_per_character` do not, and count the ends of documents too. Of chats only the first two are known."""
    loss = total / max(count, 1)
    found = {"loss": loss, "perplexity": math.exp(min(loss, 700)), "tokens": count, "rows": len(tokens.starts) - 1}
    if tokens.learned is None:
        bits = total / math.log(2)
        found["bits_per_byte"] = bits / max(tokens.bytes, 1)
        found["bits_per_character"] = bits / max(tokens.characters, 1)
    return found


@torch.inference_mode()
def measure(model: nn.Module, tokens: Tokens, context: int, options: StepOptions | None = None) -> dict[str, Any]:
    """The scores of a part, with 95 % intervals of the loss and the perplexity from how the loss varies between batches."""
    pieces = list(_nats(model, in_order(tokens, context).in_order(), options))
    totals, counts = np.array(pieces, np.float64).reshape(-1, 2).T
    found = scores(float(totals.sum()), int(counts.sum()), tokens)
    if len(counts) > 1:
        varied = totals - found["loss"] * counts
        half = Z * math.sqrt(len(counts) / (len(counts) - 1) * float((varied**2).sum())) / max(counts.sum(), 1)
        found["loss_interval"] = [found["loss"] - half, found["loss"] + half]
        found["perplexity_interval"] = [math.exp(min(end, 700)) for end in found["loss_interval"]]
    return found


@torch.inference_mode()
def of_rows(model: nn.Module, rows: Sequence[tuple[list[int], int]], context: int) -> list[tuple[float, int]]:
    """The log probability of each row's ids from a position on, given those before it, and how many they are.

    rows: (ids, position). A row longer than the context is read in pieces. Similar lengths are read together.
    """
    found = [(0.0, 0)] * len(rows)
    pieces = [
        (number, ids[start : start + context + 1], max(begin - start, 1))
        for number, (ids, begin) in enumerate(rows)
        for start in range(0, max(len(ids) - 1, 1), context)
    ]
    pieces.sort(key=lambda piece: len(piece[1]))
    device = next(model.parameters()).device
    for first in range(0, len(pieces), 32):
        group = pieces[first : first + 32]
        longest = max(len(ids) for _, ids, _ in group)
        padded = torch.tensor([ids + [0] * (longest - len(ids)) for _, ids, _ in group])
        labels = padded[:, 1:].clone()
        for row, (_, ids, begin) in enumerate(group):
            labels[row, : begin - 1], labels[row, len(ids) - 1 :] = -1, -1
        predicted = model.predict({"ids": padded[:, :-1].to(device), "labels": labels.to(device)})["text"]  # type: ignore[operator]
        for (number, _, _), logprob, count in zip(group, predicted["logprob"].tolist(), predicted["tokens"].tolist()):
            found[number] = (found[number][0] + logprob, found[number][1] + count)
    return found


def of_texts(model: nn.Module, vocabulary: Vocabulary, texts: Sequence[str], context: int) -> dict[str, np.ndarray]:
    """Of each text `loss` in nats a token, `perplexity` and the number of `tokens`, its end included."""
    encoded = vocabulary.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    measured = of_rows(model, [(vocabulary.around(each.ids), 1) for each in encoded], context)
    logprob, tokens = (np.array(column) for column in zip(*measured))
    loss = -logprob / np.maximum(tokens, 1)
    return {"loss": loss, "perplexity": np.exp(np.minimum(loss, 700)), "tokens": tokens}


def predict(model: Any, vocabulary: Vocabulary, table: pa.Table) -> pa.Table:
    """`loss`, `perplexity` and `tokens` of each row's `text`. Raises DataError when there is no such column."""
    if "text" not in table.column_names or not table.num_rows:
        found = ", ".join(table.column_names[:30])
        raise DataError("the column 'text' is missing, or there is no row.", where="rows", hint=f"Found: {found}.")
    texts = [str(text or "") for text in table.column("text").to_pylist()]
    return pa.table(of_texts(model, vocabulary, texts, min(model.context, 1024)))


def choose(
    model: nn.Module, vocabulary: Vocabulary, rows: Sequence[dict[str, Any]], context: int
) -> dict[str, float | int]:
    """Multiple choice: the share of rows (`prompt`, `choices`, `answer`, a position among them) whose answer is the
    likeliest continuation, by its log probability (`accuracy`) and by that a byte (`accuracy_by_length`)."""
    encode = vocabulary.tokenizer.encode
    begin = vocabulary.around([])[:1]
    pairs = []
    for row in rows:
        for choice in row["choices"]:
            prompt = begin + encode(row["prompt"], add_special_tokens=False).ids
            whole = begin + encode(row["prompt"] + choice, add_special_tokens=False).ids
            pairs.append((whole[-context - 1 :], max(len(prompt) - max(len(whole) - context - 1, 0), 1)))
    found = iter(of_rows(model, pairs, context))
    right = by_length = 0
    for row in rows:
        logprob = np.array([next(found)[0] for _ in row["choices"]])
        right += int(logprob.argmax() == row["answer"])
        by_length += int((logprob / [max(len(c.encode()), 1) for c in row["choices"]]).argmax() == row["answer"])
    return {"accuracy": right / len(rows), "accuracy_by_length": by_length / len(rows), "rows": len(rows)}
