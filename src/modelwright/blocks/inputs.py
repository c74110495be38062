"""How a Source becomes tensors: one vector a row (Flat), time steps (Steps), a picture (Picture), or tokens (Tokens).

Columns of one kind arrive as one tensor and pass through one module: no loop over columns. Knows nothing of encoders.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import UserError
from .letters import Places, token_table
from .masks import of_length, read_tokens
from .numbers import Periodic, PiecewiseLinear
from .stream import Batch, Source

Numbers = Literal["none", "piecewise", "periodic"]


def embedding_width(rows: int) -> int:
    """A width for an embedding of that many rows: `1.6 * rows ** 0.56`, at most 50 (fastai's rule)."""
    return min(50, max(1, round(1.6 * rows**0.56)))


class CategoryTable(nn.Module):
    """All category columns of a table in one embedding: (B, columns) ids -> (B, columns, width).

    Column j's ids are moved to its own rows of the one table. width: 0 chooses one by the largest column.
    """

    def __init__(self, rows: list[int], width: int = 0) -> None:
        super().__init__()
        self.width = width or embedding_width(max(rows))
        self.table = nn.Embedding(sum(rows), self.width)
        nn.init.normal_(self.table.weight, std=1 / math.sqrt(self.width))
        counts = torch.tensor(rows)
        self.register_buffer("offsets", counts.cumsum(0) - counts, persistent=False)
        self.offsets: Tensor

    def forward(self, ids: Tensor) -> Tensor:
        return self.table(ids + self.offsets)


class Flat(nn.Module):
    """(B, F): a table's floats and category embeddings side by side, a picture or vector flattened, or the one-hot tokens of
    an aligned text.

    numbers: how the group `number` is spread out first (see `blocks/numbers.py`). kmer: tokens that are read as one.
    """

    def __init__(self, source: Source, *, numbers: Numbers = "none", kmer: int = 1) -> None:
        super().__init__()
        self.name, self.kind = source.name, source.kind
        self.floats: list[str] = []
        self.categories: CategoryTable | None = None
        self.picture: Picture | None = None
        self.places: Places | None = None
        self.numbers: nn.Module | None = None
        sizes = source.sizes
        if source.kind == "table":
            self.floats = _float_groups(sizes)
            self.width = sum(sizes[key] for key in self.floats)
            if numbers != "none" and sizes.get("number"):
                spread = _spread(numbers, sizes)
                self.numbers = spread
                self.width += spread.width - sizes["number"]
            if sizes.get("category"):
                self.categories = CategoryTable(sizes["category"])
                self.width += len(sizes["category"]) * self.categories.width
        elif source.kind == "image":
            self.picture = Picture(source)
            self.width = sizes["height"] * sizes["width"] * sizes["channels"]
        elif source.kind == "vector":
            self.width = sizes["size"]
        elif source.kind == "series":
            self.width = sizes["length"] * sizes["channels"]
        elif source.kind == "text" and sizes.get("sites"):
            self.places = Places(source.name, sizes, kmer)
            self.width = self.places.width
        else:
            raise unreadable("a flat encoder", source, "Choose bag, cnn, rnn or transformer for text.")

    def forward(self, batch: Batch) -> Tensor:
        if self.picture is not None:
            return self.picture(batch).permute(0, 2, 3, 1).flatten(1)
        if self.kind in ("vector", "series"):
            return batch[self.name].float().flatten(1)
        if self.places is not None:
            return self.places(batch)
        parts = [
            self.numbers(batch[key]) if key == "number" and self.numbers is not None else batch[key]
            for key in self.floats
        ]
        if self.categories is not None:
            parts.append(self.categories(batch["category"]).flatten(1))
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


class Picture(nn.Module):
    """uint8 (B, H, W, C) -> float (B, C, H, W), `(pixel / 255 - mean) / deviation`, in channels-last memory.

    The permuted bytes are already channels-last, the order that convolutions are fastest in.
    """

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.name, sizes = source.name, source.sizes
        mean = torch.tensor(sizes["mean"], dtype=torch.float32)
        deviation = torch.tensor(sizes["deviation"], dtype=torch.float32).clamp(min=1e-6)
        self.register_buffer("scale", (1 / (255 * deviation)).view(-1, 1, 1), persistent=False)
        self.register_buffer("shift", (-mean / deviation).view(-1, 1, 1), persistent=False)
        self.scale: Tensor
        self.shift: Tensor

    def forward(self, batch: Batch) -> Tensor:
        return torch.addcmul(self.shift, batch[self.name].permute(0, 3, 1, 2).float(), self.scale)


class Steps(nn.Module):
    """(B, T, D) and mask: a text's embedded tokens, a picture's rows or columns as time steps, a series, or a vector as T
    steps of 1.

    embedding: width of a token's embedding. by_columns: read a picture from left to right.
    """

    def __init__(self, source: Source, *, embedding: int, by_columns: bool = False) -> None:
        super().__init__()
        self.name, self.kind, sizes = source.name, source.kind, source.sizes
        self.order = (0, 3, 2, 1) if by_columns else (0, 2, 3, 1)
        self.length: int | None = None
        self.table: nn.Embedding | None = None
        self.picture: Picture | None = None
        if source.kind == "text":
            self.width = embedding
            self.table = token_table(sizes, embedding)
            self.length = sizes["length"] if sizes.get("sites") else None  # aligned rows have one length
        elif source.kind == "image":
            self.picture = Picture(source)
            steps, side = (sizes["width"], sizes["height"]) if by_columns else (sizes["height"], sizes["width"])
            self.width, self.length = side * sizes["channels"], steps
        elif source.kind == "vector":
            self.width, self.length = 1, sizes["size"]
        elif source.kind == "series":
            self.width, self.length = sizes["channels"], sizes["length"]
        else:
            raise unreadable("a sequence encoder", source, "Choose mlp or transformer for a table.")

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        if self.table is not None:
            ids, mask = read_tokens(batch, self.name)
            if self.length is not None:
                ids, mask = of_length(ids, self.length), of_length(mask, self.length)
            return self.table(ids), mask
        if self.picture is not None:
            return self.picture(batch).permute(self.order).flatten(2), None
        x = batch[self.name].float()
        return x if self.kind == "series" else x.unsqueeze(-1), None


class Tokens(nn.Module):
    """(B, T, width) and mask: words, a table's features (one token each), or a picture's patches.

    A number's token is `value * weight + bias` (Gorishniy 2021, FT-Transformer), a patch's a linear map of its pixels
    (Dosovitskiy 2021). patch: side of a patch in pixels.
    """

    def __init__(self, source: Source, *, width: int, patch: int) -> None:
        super().__init__()
        self.name, self.kind, sizes = source.name, source.kind, source.sizes
        self.width, self.length = width, None
        if source.kind == "text":
            self.table = token_table(sizes, width)
        elif source.kind == "table":
            self._table(sizes)
        elif source.kind == "image":
            self.picture = Picture(source)
            if patch > max(sizes["height"], sizes["width"]):
                size = f"{sizes['height']} x {sizes['width']}"
                where = f"model.encoders.{source.name}.patch"
                raise UserError(f"a patch of {patch} is larger than the pictures of {size}.", where=where)
            self.patch = nn.Conv2d(sizes["channels"], width, patch, stride=patch)
            rows, columns = -(-sizes["height"] // patch), -(-sizes["width"] // patch)
            self.margin = (0, columns * patch - sizes["width"], 0, rows * patch - sizes["height"])
            self.length = rows * columns
            # about as large as the patches: with the customary 0.02 small nets hardly learn where a patch lies
            self.positions = nn.Parameter(torch.randn(self.length, width) * 0.3)
        else:
            raise unreadable("a transformer", source, "Choose mlp, cnn or rnn for a vector.")

    def _table(self, sizes: dict[str, Any]) -> None:
        self.floats = _float_groups(sizes)
        features = sum(sizes[key] for key in self.floats)
        if features:
            bound = 1 / math.sqrt(self.width)
            self.weight = nn.Parameter(torch.empty(features, self.width).uniform_(-bound, bound))
            self.bias = nn.Parameter(torch.empty(features, self.width).uniform_(-bound, bound))
        self.categories = CategoryTable(sizes["category"], self.width) if sizes.get("category") else None
        self.length = features + len(sizes.get("category", []))

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        if self.kind == "text":
            ids, mask = read_tokens(batch, self.name)
            return self.table(ids), mask
        if self.kind == "image":
            x = self.patch(F.pad(self.picture(batch), self.margin))
            return x.flatten(2).transpose(1, 2) + self.positions, None
        tokens = []
        if self.floats:
            values = torch.cat([batch[key] for key in self.floats], 1).unsqueeze(-1)
            tokens.append(torch.addcmul(self.bias, values, self.weight))
        if self.categories is not None:
            tokens.append(self.categories(batch["category"]))
        return tokens[0] if len(tokens) == 1 else torch.cat(tokens, 1), None


def _float_groups(sizes: dict[str, Any]) -> list[str]:
    """The groups of a table that hold floats: their size is a number of features, where others have lists."""
    return [group for group, features in sizes.items() if isinstance(features, int) and features]


def _spread(numbers: Numbers, sizes: dict[str, Any]) -> PiecewiseLinear | Periodic:
    if numbers == "periodic":
        return Periodic(sizes["number"])
    return PiecewiseLinear(sizes["number"], edges=sizes.get("edges"))


def unreadable(reader: str, source: Source, hint: str) -> UserError:
    """The error of a source that a reader has no use for."""
    return UserError(f"{reader} cannot read {source.kind}.", where=f"model.encoders.{source.name}", hint=hint)
