"""What a table's values say by themselves and in pairs."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from ..blocks.inputs import CategoryTable, unreadable
from ..blocks.stream import Batch, Source, Stream
from ..parts import Count, NotNegative, Share


class Factorization(nn.Module):
    """Matrix factorisation with biases (Koren 2009), in the form that takes any table (factorisation machines, Rendle 2010; He
    2017): a bias and a vector for each value, and `sum_(i < j) v_i * v_j`, which for a user and an item is the product of their
    vectors, number by number. A head adds these up, weighted. A number's bias and vector are multiplied by it.

    Gives the sum of the biases and the `width` products. `decay` times the squared biases and vectors that a row reads is
    added to the loss, which holds back most what is rarely seen.

    Options:
        width: numbers in a vector.
        decay: weight of the penalty.
        spread: standard deviation of the vectors at the beginning.
        dropout: share of the products set to zero while training.
        pool: there is one position; "none" leaves it as it is.
    """

    reads = ("table",)
    sizes: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {"width": 16},
        "medium": {"width": 64},
        "large": {"width": 256},
    }

    def __init__(
        self,
        source: Source,
        *,
        width: Count = 64,
        decay: NotNegative = 0.05,
        spread: NotNegative = 0.1,
        dropout: Share = 0.0,
        pool: Literal["none"] = "none",
    ) -> None:
        super().__init__()
        if source.kind != "table":
            raise unreadable("a factorisation", source, "Choose another encoder for it.")
        sizes = source.sizes
        self.floats = [key for key, features in sizes.items() if isinstance(features, int) and features]
        numbers, rows = sum(sizes[key] for key in self.floats), sizes.get("category", [])
        self.categories = CategoryTable(rows, width + 1) if rows else None
        self.weights = nn.Parameter(torch.empty(numbers, width + 1)) if numbers else None
        for table in (self.categories.table.weight if self.categories else None, self.weights):
            if table is not None:  # the first number is the bias
                nn.init.normal_(table, std=spread)
                nn.init.zeros_(table[:, 0].detach())
        self.decay, self.dropout = decay, nn.Dropout(dropout)
        self.pool, self.width, self.length = pool, width + 1, 1

    def forward(self, batch: Batch) -> Stream:
        values = self._values(batch)
        vectors = values[..., 1:]
        products = (vectors.sum(1).square() - vectors.square().sum(1)) / 2  # of all pairs at once
        x = torch.cat([values[..., :1].sum(1), self.dropout(products)], 1).unsqueeze(1)
        if not self.decay or not self.training:
            return Stream(x)
        return Stream(x, aux={"decay": (self.decay * values.square().sum(), self.counts(batch)["decay"])})

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """The count of the penalty, without a forward pass."""
        if not self.decay or not self.training:
            return {}
        rows = next(value for key, value in batch.items() if key in (*self.floats, "category"))
        return {"decay": torch.tensor(float(len(rows)), device=rows.device)}

    def _values(self, batch: Batch) -> Tensor:
        """(B, features, width + 1): each feature's bias and vector."""
        found = [] if self.categories is None else [self.categories(batch["category"])]
        if self.weights is not None:
            numbers = torch.cat([batch[key] for key in self.floats], 1)
            found.append(numbers.unsqueeze(-1) * self.weights)
        return torch.cat(found, 1)
