"""Texts from a run: a language model goes on with prompts, a run with a text as target writes it from its input.

Thin over `decoding.py`: tokenizers, batches of unequal prompts, stop strings, and text that is told while it is written.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from .decoding import DecodingOptions, decode
from .errors import DataError, RunError, UserError, unable
from .run import Run

AT_ONCE = 64  # rows decoded together
LANGUAGE = DecodingOptions(temperature=0.8)  # where a language model is asked for nothing else


@dataclass(frozen=True)
class Written:
    """A text that was written: what for, what, its mean log probability a token, and its tokens."""

    prompt: str
    text: str
    score: float
    tokens: int


@torch.inference_mode()
def generate(
    run: Run,
    prompts: Sequence[str],
    *,
    samples: int = 1,
    stop: str | Sequence[str] | None = None,
    on_text: Callable[[str], None] | None = None,
    **options: Any,
) -> list[Written]:
    """`samples` texts for each prompt, in order. `options` are those of DecodingOptions; left out, a language model
    draws at temperature 0.8 and another run decodes as its head says. A text ends before the first of `stop`.

    on_text is told the pieces of a single text while it is written. Raises RunError for a run that writes no text,
    DataError for a prompt that is empty or too long.
    """
    writer = _writer(run)
    if not prompts:
        raise DataError("there is no prompt.", where="generate", hint="Give one, or a file with one a line.")
    if samples < 1:
        raise UserError(f"expected at least 1, given {samples}.", where="samples")
    stops = [stop] if isinstance(stop, str) else list(stop or ())
    given = {name: value for name, value in options.items() if value is not None}
    if given.get("beams", 1) > 1 and "temperature" not in given:
        given["temperature"] = 0.0
    wanted = replace(writer.options, ends=writer.ends, **given)
    if samples > 1 and not wanted.temperature:
        hint = "Give a temperature above 0, for instance 0.8."
        raise UserError(f"{samples} samples would be alike without drawing.", where="samples", hint=hint)
    rows = [prompt for prompt in prompts for _ in range(samples)]
    # prompts draw apart, and each the same wherever it stands
    seeds = [wanted.seed + number + zlib.crc32(prompt.encode()) for prompt in prompts for number in range(samples)]
    told = on_text if len(rows) == 1 and wanted.beams == 1 else None
    written: list[Written] = []
    for start in range(0, len(rows), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        written += _write(writer, rows[part], seeds[part], wanted, stops, told)
    if on_text is not None and told is None:
        on_text("\n".join(one.text for one in written))
    return written


def _write(
    writer: _Language | _Sequence,
    prompts: list[str],
    seeds: list[int],
    options: DecodingOptions,
    stops: list[str],
    on_text: Callable[[str], None] | None,
) -> list[Written]:
    state, ids, mask, room = writer.begin(prompts)
    teller = _Teller(writer.text, stops, on_text) if on_text else None
    # a stop string that has just been completed lies within the last tokens: each is a byte at least
    tail = max((len(text.encode()) for text in stops), default=0) + 4

    def ended(_: int, row: list[int]) -> bool:
        end = writer.text(row[-tail:])
        return any(text in end for text in stops)

    found = decode(
        writer.model,
        state,
        ids,
        replace(options, max_tokens=min(options.max_tokens, room)),
        mask=mask,
        seeds=seeds,
        stops=ended if stops else None,
        on_tokens=teller.add if teller else None,
    )
    texts = [_cut(writer.text(one.ids), stops) for one in found]
    if teller:
        teller.finish(texts[0])
    return [Written(p, text, one.score, len(one.ids)) for p, text, one in zip(prompts, texts, found)]


def _cut(text: str, stops: list[str]) -> str:
    """The text before the first stop string."""
    return text[: min((place for stop in stops if (place := text.find(stop)) >= 0), default=len(text))]


class _Teller:
    """Tells one text in pieces as its tokens come: whole characters only, and nothing that may become a stop string."""

    def __init__(self, text: Callable[[list[int]], str], stops: list[str], on_text: Callable[[str], None]) -> None:
        self.text, self.on_text = text, on_text
        self.held = max((len(stop) - 1 for stop in stops), default=0)
        self.ids: list[int] = []
        self.told = 0

    def add(self, tokens: dict[int, int]) -> None:
        self.ids += tokens.values()
        whole = self.text(self.ids).rstrip("\ufffd")
        self._tell(whole[: len(whole) - self.held])

    def finish(self, text: str) -> None:
        self._tell(text)

    def _tell(self, text: str) -> None:
        if len(text) > self.told:
            self.on_text(text[self.told :])
            self.told = len(text)


def _writer(run: Any) -> _Language | _Sequence:
    if hasattr(run.model, "step"):
        return _Language(run)
    heads = {name: head for name, head in getattr(run.model, "written", {}).items() if hasattr(head, "step")}
    if len(heads) != 1:
        hint = "Language models and runs with one target of kind text do. For other targets: modelwright predict."
        raise unable("a model that writes text", run, hint)
    return _Sequence(run, *heads)


class _Language:
    """A language model goes on with prompts."""

    options = LANGUAGE

    def __init__(self, run: Any) -> None:
        self.model, self.tokenizer, vocabulary = run.model, run.tokenizer, run.vocabulary
        ends = vocabulary.special.get("eos", [])
        self.ends = tuple(map(self.tokenizer.token_to_id, [ends] if isinstance(ends, str) else ends))
        first = self.tokenizer.token_to_id(vocabulary.begin) if vocabulary.begin else None
        self.first = [] if first is None else [first]

    def begin(self, prompts: list[str]) -> tuple[Any, Tensor, Tensor | None, int]:
        """State, ids (B, T) padded on the left, their mask, and how many tokens may follow."""
        rows = [self.tokenizer.encode(prompt).ids or self.first for prompt in prompts]
        lengths = [len(row) for row in rows]
        longest, context = max(lengths), self.model.context
        if not min(lengths):
            hint = "Give it a beginning: the model knows no token that begins a text."
            raise DataError("the prompt is empty.", where="prompt", hint=hint)
        if longest >= context:
            message = f"the prompt has {longest:,} tokens; the model's context holds {context:,}, the answer included."
            hint = "Shorten it, or train a model with a larger context."
            raise DataError(message, where=f"prompt {lengths.index(longest) + 1}", hint=hint)
        ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows])
        mask = torch.arange(longest) >= longest - torch.tensor(lengths)[:, None]
        return self.model.start(len(rows)), ids, None if bool(mask.all()) else mask, context - longest

    def text(self, ids: list[int]) -> str:
        return self.tokenizer.decode(ids)


class _Sequence:
    """A run with a text as target writes it from its input."""

    def __init__(self, run: Any, target: str) -> None:
        self.run, self.target, self.model = run, target, run.model.written[target]
        self.options, self.ends = self.model.decoding, self.model.decoding.ends
        inputs = [name for name, column in run.columns.items() if not column.target]
        if len(inputs) != 1:
            hint = f"Write them into a file and use: modelwright predict {run.path} FILE"
            raise RunError(f"the run reads {', '.join(inputs)}, not one text.", where=str(run.path or "run"), hint=hint)
        self.source = inputs[0]

    def begin(self, prompts: list[str]) -> tuple[Any, Tensor, None, int]:
        """State, the token that begins each sequence, no mask, and how many tokens may follow."""
        import pyarrow as pa

        from .data.encoding import encode

        for number, prompt in enumerate(prompts, 1):
            if not prompt.strip():
                raise DataError("the prompt is empty.", where=f"prompt {number}", hint="Give the text to read.")
        table = pa.table({self.source: pa.array(prompts, pa.string())})
        batch = encode(table, {self.source: self.run.columns[self.source]}, cache=False).batch(
            torch.arange(len(prompts))
        )
        stream = self.run.model.streams(batch)[self.target]
        return self.model.start(stream), torch.full((len(prompts), 1), self.ends[0]), None, self.options.max_tokens

    def text(self, ids: list[int]) -> str:
        return self.run.columns[self.target].texts([ids])[0]
