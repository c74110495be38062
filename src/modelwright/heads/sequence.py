"""A sequence of tokens: translation, summaries, answers."""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..blocks.dropout import Dropout
from ..blocks.seq2seq import RecurrentDecoder, TransformerDecoder
from ..blocks.stream import Stream
from ..decoding import DecodingOptions, decode, select_rows
from ..losses import Loss, cross_entropy
from ..parts import Count, Depth, Probability, Share


class Sequence(nn.Module):
    """The decoder of a Seq2Seq network (Sutskever 2014; Vaswani 2017; the introductory articles).

    sizes: `vocabulary`, `length`, `end` and `unknown` of the target column. Targets are ids (B, T), padded with -1; a
    row without ids is missing. Predicts `ids` (B, T), padded with -1, without the end. The end also begins each
    sequence. Output weights are the embedding's (Press & Wolf 2017). The unknown token is never written.

    Options:
        source: the input whose tokens are read, where there are several.
        cell: lstm, gru, rnn (Elman) or transformer.
        hidden: width of the decoder and of its embeddings.
        layers: decoder layers one above the other.
        attention: whether recurrent cells look back at every token of the input; a transformer always does.
        heads: attention heads of a transformer.
        dropout: share of values set to zero while training.
        teacher_forcing: share of steps that read the true token before them, the others what was predicted.
        label_smoothing: share of the target spread evenly over the vocabulary while training.
        beams: hypotheses kept side by side when predicting; 1 is greedy.
        length_penalty: hypotheses compete by sum of log probabilities / tokens ** length_penalty.
        max_length: at most so many tokens are written; by default as many as the longest training text has.
    """

    reads = "sequence"
    measured_by = "loss"  # while training: writing takes long

    def __init__(
        self,
        width: int,
        sizes: dict[str, Any],
        *,
        source: str | None = None,
        cell: Literal["lstm", "gru", "rnn", "transformer"] = "lstm",
        hidden: Count = 256,
        layers: Depth = 1,
        attention: bool = True,
        heads: Count = 4,
        dropout: Share = 0.1,
        teacher_forcing: Probability = 1.0,
        label_smoothing: Share = 0.0,
        beams: Count = 1,
        length_penalty: float = 1.0,
        max_length: Count | None = None,
    ) -> None:
        super().__init__()
        self.end, self.unknown = sizes["end"], sizes["unknown"]
        self.table = nn.Embedding(sizes["vocabulary"], hidden)
        nn.init.normal_(self.table.weight, std=hidden**-0.5)
        self.bias = nn.Parameter(torch.zeros(sizes["vocabulary"]))
        self.dropout = Dropout(dropout)
        # a transformer adds to what it reads: large embeddings would reach the tied output and repeat the last token
        self.scale = 1.0 if cell == "transformer" else hidden**0.5
        self.decoder: RecurrentDecoder | TransformerDecoder
        if cell == "transformer":
            self.decoder = TransformerDecoder(hidden, width, heads, layers, dropout=dropout)
        else:
            self.decoder = RecurrentDecoder(cell, hidden, width, hidden, layers, attention=attention, dropout=dropout)
        self.teacher_forcing, self.label_smoothing = teacher_forcing, label_smoothing
        self.decoding = DecodingOptions(
            max_tokens=max_length or sizes["length"], beams=beams, length_penalty=length_penalty, ends=(self.end,)
        )

    def loss(self, stream: Stream, target: Tensor) -> Loss:
        smoothing = self.label_smoothing if self.training else 0.0
        return cross_entropy(self.logits(stream, target), target[target >= 0], smoothing=smoothing)

    def logits(self, stream: Stream, target: Tensor) -> Tensor:
        """(N, V): of each known token of the targets (B, T), as it is written after those before it."""
        inputs = F.pad(target[:, :-1].clamp(min=0), (1, 0), value=self.end)
        state, known = self.start(stream), target >= 0
        if self.training and self.teacher_forcing < 1:
            return self._partly_forced(inputs, state)[known]
        y, _ = self._advance(inputs, state)
        return self._logits(y[known])  # padding costs no product with the vocabulary

    def nats(self, stream: Stream, target: Tensor) -> Tensor:
        """(B,) the negative log-likelihood of each row's tokens, every one read after the true ones."""
        y, _ = self._advance(F.pad(target[:, :-1].clamp(min=0), (1, 0), value=self.end), self.start(stream))
        logits = self._logits(y).float().transpose(1, 2)
        return F.cross_entropy(logits, target.long(), ignore_index=-1, reduction="none").sum(1)

    def count(self, target: Tensor) -> Tensor:
        return (target >= 0).sum().float()

    def predict(self, stream: Stream) -> dict[str, Tensor]:
        prompt = torch.full((len(stream.x), 1), self.end, device=stream.x.device)
        found = decode(self, self.start(stream), prompt, self.decoding)
        longest = max([1, *(len(one.ids) for one in found)])
        return {"ids": torch.tensor([one.ids + [-1] * (longest - len(one.ids)) for one in found], device=prompt.device)}

    def start(self, stream: Stream) -> Any:
        """The decoder's state before the first token."""
        return self.decoder.start(stream.x, stream.mask)

    def step(self, ids: Tensor, state: Any, mask: Tensor | None = None) -> tuple[Tensor, Any]:
        """The logits (B, V) of the token that follows ids (B, T), and the state after them."""
        y, state = self._advance(ids, state)
        logits = self._logits(y[:, -1])
        logits[:, self.unknown] = float("-inf")
        return logits, state

    def select(self, state: Any, rows: Tensor) -> Any:
        return select_rows(state, rows)

    def _advance(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self.decoder(self.dropout(self.table(ids) * self.scale), state)

    def _logits(self, y: Tensor) -> Tensor:
        return F.linear(y, self.table.weight, self.bias)

    def _partly_forced(self, inputs: Tensor, state: Any) -> Tensor:
        """(B, T, V) logits where each step reads the true token or, with probability 1 - teacher_forcing, the one that
        was predicted (scheduled sampling, Bengio 2015)."""
        ids, logits = inputs[:, :1], []
        for place in range(inputs.shape[1]):
            y, state = self._advance(ids, state)
            logits.append(self._logits(y))
            if place + 1 < inputs.shape[1]:
                forced = torch.rand(len(ids), 1, device=ids.device) < self.teacher_forcing
                ids = torch.where(forced, inputs[:, place + 1 : place + 2], logits[-1].detach().argmax(-1))
        return torch.cat(logits, 1)
