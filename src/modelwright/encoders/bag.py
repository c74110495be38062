"""Words and runs of words as a bag."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..blocks.inputs import unreadable
from ..blocks.masks import read_tokens
from ..blocks.stream import Batch, Source, Stream
from ..parts import Count, Share


class Bag(nn.Module):
    """The mean (or sum) of the embeddings of a text's words and n-grams (fastText, Joulin 2017): fast and hard to beat.

    Words have rows of their own; runs of 2 to `longest` words share `buckets` rows by a hash of their ids.

    Options:
        width: numbers in an embedding.
        longest: words in the longest n-gram; 1 is words alone.
        buckets: rows that the n-grams are hashed into.
        combine: mean or sum of the embeddings.
        once: a word or n-gram that a text repeats counts once, which in long texts tells more than how often (Pang 2002).
        dropout: share of the result's values set to zero while training.
        pool: a bag has one position; "none" leaves it as it is.
    """

    reads = ("text",)
    sizes: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {"width": 32, "buckets": 20_000},
        "medium": {"width": 64, "buckets": 50_000},
        "large": {"width": 128, "longest": 3, "buckets": 200_000},
    }

    def __init__(
        self,
        source: Source,
        *,
        width: Count = 64,
        longest: Count = 2,
        buckets: Count = 50_000,
        combine: Literal["mean", "sum"] = "mean",
        once: bool = False,
        dropout: Share = 0.0,
        pool: Literal["none"] = "none",
    ) -> None:
        super().__init__()
        if source.kind != "text":
            raise unreadable("a bag of words", source, "Choose mlp, cnn or transformer.")
        self.name, self.words = source.name, source.sizes["vocabulary"]
        self.longest, self.buckets, self.once = longest, buckets, once
        self.pool, self.width, self.length = pool, width, 1
        rows = self.words + (buckets if longest > 1 else 0)
        self.table = nn.EmbeddingBag(rows, width, mode=combine, padding_idx=0)
        nn.init.normal_(self.table.weight, std=width**-0.5)
        with torch.no_grad():
            self.table.weight[0].zero_()
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: Batch) -> Stream:
        ids, mask = read_tokens(batch, self.name)
        bags = torch.cat(self._rows(ids.long() * mask), 1)  # 0 is padding and counts nothing
        return Stream(self.dropout(self.table(bags)).unsqueeze(1))

    def by_token(self, batch: Batch) -> Tensor:
        """(B, T, width) what each token adds to the result: its embedding, and its share of those of its n-grams."""
        ids, mask = read_tokens(batch, self.name)
        words, *runs = self._rows(ids.long() * mask)
        found = F.embedding(words, self.table.weight) * (words != 0).unsqueeze(-1)
        for n, rows in enumerate(runs, 2):
            share = F.embedding(rows, self.table.weight) * (rows != 0).unsqueeze(-1) / n
            for place in range(n):
                found[:, place : place + rows.shape[1]] += share
        counts = sum(((rows != 0).sum(1) for rows in runs), (words != 0).sum(1))
        return found / counts.clamp(min=1)[:, None, None] if self.table.mode == "mean" else found

    def _rows(self, ids: Tensor) -> list[Tensor]:
        """The table's rows of the words and of the n-grams of each length, 0 where nothing is to be counted."""
        rows = [ids, *self._runs(ids)]
        return [_first(each) for each in rows] if self.once else rows

    def _runs(self, ids: Tensor) -> list[Tensor]:
        """For each n from 2 on, (B, T - n + 1): the rows of the n-grams, 0 where one reaches into the padding."""
        runs, hashes = [], ids
        for n in range(2, min(self.longest, ids.shape[1]) + 1):
            last = ids[:, n - 1 :]
            hashes = (hashes[:, :-1] * 1_000_003 + last) & 0x7FFFFFFF
            runs.append((self.words + hashes % self.buckets) * (last != 0))
        return runs


def _first(rows: Tensor) -> Tensor:
    """(B, T) ids with 0 where a row has had that id before."""
    ordered, order = rows.sort(dim=1, stable=True)
    again = torch.zeros_like(rows, dtype=torch.bool)
    again[:, 1:] = ordered[:, 1:] == ordered[:, :-1]
    return rows.masked_fill(torch.zeros_like(again).scatter(1, order, again), 0)
