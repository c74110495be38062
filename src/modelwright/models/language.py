"""A language model that reads from left to right: Qwen3's dense decoder, or Qwen2's or Llama's.

`derive` turns one size dial into its options. Knows nothing of tokenizers, corpora or files.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..blocks.decoder import Decoder, Dense, Shape, State, Turn, same_document, turns
from ..blocks.stream import Batch
from ..errors import UserError
from ..losses import Loss
from ..parts import Count, Depth, Positive, Share

_LOGITS = 256 * 2**20  # bytes of float32 logits that are made at once; a longer batch is cut into pieces
_PIECE = 32 * 2**20  # bytes of one piece


class Language(nn.Module):
    """A decoder over token ids and the probability of each next token (Radford 2019; Qwen3, Yang 2025).

    vocabulary: number of token ids. Reads `ids` (B, T), `labels` (B, T), the token after each id, -1 where none is
    learned, and, where documents are packed, `documents` (B, T): each position sees its own document only.
    Weights have Hugging Face's names. It can also generate: `start`, `step`, `select`.

    Options:
        preset: whose layers: qwen3 norms each head's queries and keys, qwen2 has biases on them, llama neither.
        width: width of the states.
        layers: number of layers.
        heads: heads of attention.
        groups: heads of keys and values, which divide the heads; nothing: as many.
        hidden: inner width of the dense layers; nothing: 8/3 of the width, rounded up to a multiple of 64.
        head_width: width of a head; nothing: width / heads.
        context: longest text in tokens.
        tied: the output shares the embedding's weights.
        dropout: share of the numbers dropped after the embedding, the attention and the dense layers.
        theta: base of the rotary positions' wave lengths.
        scaling: Llama 3.1's scaling of the rotary positions, as in its config.json.
        epsilon: what the norms add to the mean square.
    """

    def __init__(
        self,
        vocabulary: int,
        *,
        preset: Literal["qwen3", "qwen2", "llama"] = "qwen3",
        width: Count = 384,
        layers: Depth = 6,
        heads: Count = 6,
        groups: Count | None = None,
        hidden: Count | None = None,
        head_width: Count | None = None,
        context: Count = 256,
        tied: bool = False,
        dropout: Share = 0.0,
        theta: Positive = 10_000.0,
        scaling: dict[str, Any] | None = None,
        epsilon: Positive = 1e-6,
    ) -> None:
        super().__init__()
        groups, head_width = groups or heads, head_width or width // heads
        if heads % groups or head_width % 2 or not head_width:
            raise UserError(
                f"{heads} heads of width {head_width} cannot share {groups} groups of keys and values.",
                where="model",
                hint="The groups must divide the heads, and the width of a head must be even.",
            )
        self.preset, self.vocabulary, self.context, self.tied = preset, vocabulary, context, tied
        self.theta, self.scaling = theta, scaling
        self.shape = Shape(
            width, heads, groups, head_width, hidden or -(-8 * width // 192) * 64,
            preset == "qwen2", preset == "qwen3", epsilon, dropout,
        )  # fmt: skip
        self.weights: dict[str, float] = {}
        self.model = Decoder(vocabulary, layers, self.shape)
        if not tied:
            self.lm_head = Dense(width, vocabulary, bias=False)
        self._begin()

    def forward(self, batch: Batch) -> dict[str, Loss]:
        """The cross-entropy in nats summed over the labels, and their number."""
        return {"text": (self._losses(batch).sum(), self.counts(batch)["text"])}

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """The number of labels, without a forward pass."""
        return {"text": (batch["labels"] >= 0).sum().float()}

    def predict(self, batch: Batch) -> dict[str, dict[str, Tensor]]:
        """Of each row (B,): `logprob`, the log probability of its labels in nats, and `tokens`, how many they are."""
        return {"text": {"logprob": -self._losses(batch).sum(1), "tokens": (batch["labels"] >= 0).sum(1)}}

    def logits(self, ids: Tensor, documents: Tensor | None = None) -> Tensor:
        """(B, T) -> unnormalised log probabilities (B, T, V) of the token after each id."""
        return self.logits_of(self.states(ids, documents))

    def start(self, rows: int) -> State:
        """The state of `rows` empty texts."""
        return State(len(self.model.layers), rows)

    def step(self, ids: Tensor, state: State, mask: Tensor | None = None) -> tuple[Tensor, State]:
        """Append ids (B, T), a prompt or one token: logits (B, V) after the last, and the state, changed in place.

        mask (B, T): False where there is padding, which is on the left and is never seen.
        """
        positions, seen = state.append(ids.shape[1], mask, ids.device)
        return self.logits_of(self.model(ids, self._turn(positions), seen, state)[:, -1]), state

    def select(self, state: State, rows: Tensor) -> State:
        """The state of these rows (N,), in this order; a row may come several times."""
        return state.select(rows)

    def states(self, ids: Tensor, documents: Tensor | None = None) -> Tensor:
        """(B, T) -> the normed states (B, T, width) that the logits are made of."""
        if documents is None:
            return self.model(ids, self._turn(torch.arange(ids.shape[1], device=ids.device)))
        positions, seen = same_document(documents)
        return self.model(ids, self._turn(positions), seen)

    def _turn(self, positions: Tensor) -> Turn:
        return turns(positions, self.shape.head_width, self.theta, self.scaling)

    def logits_of(self, x: Tensor) -> Tensor:
        """States (..., width) -> logits (..., V)."""
        return self.model.embed_tokens.product(x) if self.tied else self.lm_head(x)

    def _losses(self, batch: Batch) -> Tensor:
        """The cross-entropy (B, T) of each label, 0 where there is none.

        Above a budget the logits are made piece by piece and made again for the gradient, so that they never all exist.
        """
        labels = batch["labels"].long().flatten()
        x = self.states(batch["ids"], batch.get("documents")).flatten(0, 1)
        if x.shape[0] * self.vocabulary * 4 <= _LOGITS:
            return self._cross_entropy(x, labels).view(batch["labels"].shape)
        size = max(_PIECE // (4 * self.vocabulary), 1)
        pieces = [
            checkpoint(self._cross_entropy, *pair, use_reentrant=False, preserve_rng_state=False)
            for pair in zip(x.split(size), labels.split(size))
        ]
        return torch.cat(pieces).view(batch["labels"].shape)

    def _cross_entropy(self, x: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(self.logits_of(x).float(), labels, ignore_index=-1, reduction="none")

    @torch.no_grad()
    def _begin(self) -> None:
        """Normal weights of deviation 1 / sqrt(inputs), and 0 where a layer adds to its input, so that it begins as none."""
        for name, weight in self.named_parameters():
            if name.endswith("bias") or "o_proj" in name or "down_proj" in name:
                weight.zero_()
            elif weight.ndim == 2:
                weight.normal_(std=0.02 if "embed" in name or "head" in name else weight.shape[1] ** -0.5)


def derive(size: str) -> dict[str, dict[str, Any]]:
    """Options of model and training from one dial, the depth: `d6` is 6 layers of width 384 (nanochat's idea).

    The width is 64 a layer, a head is 64 wide, and a step reads 1,024 tokens a layer. Raises UserError for another word.
    """
    found = re.fullmatch(r"d([1-9]\d?)", size)
    if not found:
        raise UserError(f"'{size}' is not a size.", where="model.size", hint="d6 is 6 layers of width 384; d1 to d99.")
    depth = int(found[1])
    model = {"width": 64 * depth, "layers": depth, "heads": depth, "groups": depth, "hidden": -(-8 * depth // 3) * 64}
    optimizer = {"kind": "muon", "embedding_ratio": 3.0}
    schedule = {"kind": "warmup_stable_decay", "decay": 0.6}
    return {"model": model, "train": {"optimizer": optimizer, "schedule": schedule, "lr": 0.02, "tokens": 1024 * depth}}
