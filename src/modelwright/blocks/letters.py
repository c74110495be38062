"""Tables of embeddings for tokens, of which some may stand for several: N in DNA is any base, B in a protein D or N."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .masks import of_length, read_tokens
from .stream import Batch


def token_table(sizes: dict[str, Any], width: int) -> nn.Embedding:
    """The table (vocabulary, width) of a text's tokens; id 0 is padding."""
    if sizes.get("sets"):
        return Letters(sizes["vocabulary"], width, sizes["sets"])
    return nn.Embedding(sizes["vocabulary"], width, padding_idx=0)


class Letters(nn.Embedding):
    """A token that stands for several is embedded as their mean.

    sets: pairs of an id and the ids that it stands for.
    """

    def __init__(self, vocabulary: int, width: int, sets: list[Any]) -> None:
        super().__init__(vocabulary, width, padding_idx=0)
        self.register_buffer("shares", shares(vocabulary, sets), persistent=False)
        self.shares: Tensor

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(input, self.shares @ self.weight, padding_idx=0)


class OneHot(nn.Module):
    """(B, T) ids -> (B, T, width): 1 at the token, equal shares at those that an id stands for, 0 at padding."""

    def __init__(self, sizes: dict[str, Any]) -> None:
        super().__init__()
        sets = sizes.get("sets", [])
        made_of = {one for one, _ in sets}
        single = [one for one in range(1, sizes["vocabulary"]) if one not in made_of]
        self.width = len(single)
        self.register_buffer("table", shares(sizes["vocabulary"], sets)[:, single], persistent=False)
        self.table: Tensor

    def forward(self, ids: Tensor) -> Tensor:
        return F.embedding(ids, self.table)


class Places(nn.Module):
    """(B, F): the one-hot tokens of an aligned text at the places where its training rows differ, so that each place has
    weights of its own. A longer row is read as far as they went. kmer: tokens read as one, each with those that follow it."""

    def __init__(self, name: str, sizes: dict[str, Any], kmer: int = 1) -> None:
        super().__init__()
        self.name, self.length, self.kmer = name, max(sizes["length"], kmer), kmer
        self.letters = OneHot(sizes)
        starts = {site - back for site in sizes["sites"] for back in range(kmer)}
        self.sites = sorted(start for start in starts if 0 <= start <= self.length - kmer)
        self.width = len(self.sites) * self.letters.width**kmer

    def forward(self, batch: Batch) -> Tensor:
        ids, mask = read_tokens(batch, self.name)
        letters = self.letters(of_length(ids * mask, self.length))
        found = letters
        for after in range(1, self.kmer):  # a product of shares is the share of both together
            found = (found[:, :-1, :, None] * letters[:, after:, None]).flatten(2)
        return found[:, self.sites].flatten(1)


def shares(vocabulary: int, sets: list[Any]) -> Tensor:
    """(V, V): what each id is made of. Rows add up to 1, but that of padding to 0."""
    found = torch.eye(vocabulary)
    found[0] = 0.0
    for one, members in sets:
        found[one] = 0.0
        found[one, members] = 1.0 / len(members)
    return found
