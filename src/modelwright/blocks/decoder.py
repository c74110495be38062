"""The decoder of Llama, Qwen2 and Qwen3: RMSNorm, rotary positions, grouped-query attention, SwiGLU, and a cache.

Modules are named as Hugging Face names them, so that their weights are a Hugging Face file as they stand. Knows nothing
of losses, tokens or files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .dropout import Dropout

_ONEDNN = getattr(torch.ops.mkldnn, "_linear_pointwise", None) if torch.backends.mkldnn.is_available() else None
_SHORT = 512  # keys up to which plain products are faster than torch's attention in bfloat16 on a processor
Turn = tuple[Tensor, Tensor]
"""Cosines (..., T, 1, D) and sines (..., T, 1, D / 2) of the rotary positions."""


@dataclass(frozen=True)
class Shape:
    """What all layers of a decoder have in common."""

    width: int
    heads: int
    groups: int  # heads of keys and values
    head_width: int
    hidden: int  # inner width of SwiGLU
    bias: bool = False  # on queries, keys and values (Qwen2)
    norm_heads: bool = True  # RMSNorm of each head's queries and keys (Qwen3)
    epsilon: float = 1e-6
    dropout: float = 0.0


class RMSNorm(nn.Module):
    """`x / sqrt(mean(x^2) + epsilon) * weight` over the last dimension, in float32 inside (Zhang & Sennrich 2019)."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight, self.epsilon = nn.Parameter(torch.ones(width)), epsilon

    def forward(self, x: Tensor) -> Tensor:
        if torch.compiler.is_exporting():  # a graph has an operation of its own for it
            return F.rms_norm(x, self.weight.shape, self.weight, self.epsilon)
        if not torch.is_grad_enabled():
            x32 = x.float()
            return (x32 * _scale(x32, self.epsilon)).mul_(self.weight).to(_working_type(x))
        return _Norm.apply(x, self.weight, self.epsilon, _working_type(x))


class Dense(nn.Linear):
    """`W x + b`. Without gradients, float32 products on a processor are oneDNN's, as exact as torch's usual ones.

    On one row they read the weights as fast as memory gives them, about twice as fast as the usual ones on AMD.
    """

    def forward(self, x: Tensor) -> Tensor:
        return product(x, self.weight, self.bias)


class Tokens(nn.Embedding):
    """A table of tokens, which can also be the output's weights."""

    def product(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., V)."""
        return product(x, self.weight)


class Attention(nn.Module):
    """Causal self-attention on (B, T, width) whose keys and values are shared by groups of heads (Ainslie 2023)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.head_width, inner = shape.head_width, shape.groups * shape.head_width
        self.q_proj = Dense(shape.width, shape.heads * shape.head_width, bias=shape.bias)
        self.k_proj = Dense(shape.width, inner, bias=shape.bias)
        self.v_proj = Dense(shape.width, inner, bias=shape.bias)
        self.o_proj = Dense(shape.heads * shape.head_width, shape.width, bias=False)
        if shape.norm_heads:
            self.q_norm = RMSNorm(shape.head_width, shape.epsilon)
            self.k_norm = RMSNorm(shape.head_width, shape.epsilon)
        self.norm_heads = shape.norm_heads
        self.widths: list[int] = []  # of the parts of qkv_proj, once `join` was called

    def join(self) -> None:
        """Hold queries, keys and values as one matrix, `qkv_proj`: one product in the place of three."""
        if not self.widths:
            self.qkv_proj, self.widths = _joined(self.q_proj, self.k_proj, self.v_proj)
            del self.q_proj, self.k_proj, self.v_proj

    def forward(self, x: Tensor, turn: Turn, seen: Tensor | None, past: Past | None) -> Tensor:
        rows, steps, _ = x.shape
        joined = self.qkv_proj(x).split(self.widths, -1) if self.widths else None
        found = joined or [p(x) for p in (self.q_proj, self.k_proj, self.v_proj)]
        query, key, value = (y.view(rows, steps, -1, self.head_width) for y in found)
        if self.norm_heads:
            query, key = self.q_norm(query), self.k_norm(key)
        query, key = (turned(x, *turn).transpose(1, 2) for x in (query, key))
        value = value.transpose(1, 2)  # all (B, heads or groups, T, D)
        if past is not None:
            key, value = past.extend(key, value)
        return self.o_proj(attend(query, key, value, seen).transpose(1, 2).reshape(rows, steps, -1))


class SwiGLU(nn.Module):
    """`down(silu(gate(x)) * up(x))` (Shazeer 2020)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = Dense(shape.width, shape.hidden, bias=False)
        self.up_proj = Dense(shape.width, shape.hidden, bias=False)
        self.down_proj = Dense(shape.hidden, shape.width, bias=False)
        self.widths: list[int] = []  # of the parts of gate_up_proj, once `join` was called

    def join(self) -> None:
        """Hold gate and up as one matrix, `gate_up_proj`."""
        if not self.widths:
            self.gate_up_proj, self.widths = _joined(self.gate_proj, self.up_proj)
            del self.gate_proj, self.up_proj

    def forward(self, x: Tensor) -> Tensor:
        joined = self.gate_up_proj(x).split(self.widths, -1) if self.widths else None
        gate, up = joined or (self.gate_proj(x), self.up_proj(x))
        return self.down_proj(F.silu(gate) * up)


class DecoderLayer(nn.Module):
    """Attention, then the dense pair, each normed before and added to its input."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(shape.width, shape.epsilon)
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = RMSNorm(shape.width, shape.epsilon)
        self.mlp = SwiGLU(shape)
        self.dropout = Dropout(shape.dropout)

    def forward(self, x: Tensor, turn: Turn, seen: Tensor | None = None, past: Past | None = None) -> Tensor:
        x = x + self.dropout(self.self_attn(self.input_layernorm(x), turn, seen, past))
        return x + self.dropout(self.mlp(self.post_attention_layernorm(x)))


class Decoder(nn.Module):
    """Token ids (B, T) -> normed states (B, T, width)."""

    def __init__(self, vocabulary: int, layers: int, shape: Shape) -> None:
        super().__init__()
        self.embed_tokens = Tokens(vocabulary, shape.width)
        self.layers = nn.ModuleList(DecoderLayer(shape) for _ in range(layers))
        self.norm = RMSNorm(shape.width, shape.epsilon)
        self.dropout = Dropout(shape.dropout)

    def forward(self, ids: Tensor, turn: Turn, seen: Tensor | None = None, state: State | None = None) -> Tensor:
        x = self.dropout(self.embed_tokens(ids))
        turn = (turn[0].to(_working_type(x)), turn[1].to(_working_type(x)))
        for number, layer in enumerate(self.layers):
            x = layer(x, turn, seen, None if state is None else state.layers[number])
        return self.norm(x)


class Past:
    """One layer's keys and values so far, with room to grow: the room doubles, so that a step copies nothing."""

    def __init__(self) -> None:
        self.room: Tensor | None = None  # (2, B, groups, capacity, D)
        self.length = 0

    def extend(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Append (B, groups, T, D) and give back all."""
        start, self.length = self.length, self.length + key.shape[2]
        if self.room is None or self.room.shape[3] < self.length:
            larger = key.new_empty(2, *key.shape[:2], max(64, 2 * self.length), key.shape[3])
            if self.room is not None:
                larger[:, :, :, :start] = self.room[:, :, :, :start]
            self.room = larger
        self.room[0, :, :, start : self.length] = key
        self.room[1, :, :, start : self.length] = value
        return self.room[0, :, :, : self.length], self.room[1, :, :, : self.length]


class State:
    """All that a decoder remembers of B growing texts."""

    def __init__(self, layers: int, rows: int) -> None:
        self.layers = [Past() for _ in range(layers)]
        self.rows, self.length = rows, 0
        self.real: Tensor | None = None  # (B, length), False at padding; None where there is none

    def append(self, steps: int, mask: Tensor | None, device: torch.device) -> tuple[Tensor, Tensor | None]:
        """Take note of T more tokens: their positions (T) or (B, T), and the keys each sees, None for all before it."""
        start, self.length = self.length, self.length + steps
        if self.real is None and (mask is None or bool(mask.all())):
            seen = None if steps == 1 or not start else _causal(steps, self.length, device)
            return torch.arange(start, self.length, device=device), seen
        before = torch.ones(self.rows, start, dtype=torch.bool, device=device) if self.real is None else self.real
        new = torch.ones(self.rows, steps, dtype=torch.bool, device=device) if mask is None else mask
        self.real = torch.cat([before, new], 1)
        positions = (self.real.cumsum(1) - 1).clamp(min=0)[:, start:]
        itself = torch.ones(steps, self.length, dtype=torch.bool, device=device).tril(start).triu(start)
        seen = (
            self.real[:, None] & _causal(steps, self.length, device)
        ) | itself  # padding sees itself: no empty softmax
        return positions, seen.unsqueeze(1)

    def select(self, rows: Tensor) -> State:
        """The state of these rows, in this order; a row may come several times."""
        chosen = State(len(self.layers), len(rows))
        chosen.length, chosen.real = self.length, None if self.real is None else self.real[rows]
        for old, new in zip(self.layers, chosen.layers):
            new.length, new.room = old.length, None if old.room is None else old.room[:, rows]
        return chosen


def join(model: nn.Module) -> None:
    """Hold matrices that read the same as one, in place: fewer products, but no longer Hugging Face's names."""
    for module in model.modules():
        if isinstance(module, (Attention, SwiGLU)):
            module.join()


def _joined(*layers: nn.Linear) -> tuple[Dense, list[int]]:
    widths, bias = [layer.out_features for layer in layers], layers[0].bias is not None
    whole = Dense(layers[0].in_features, sum(widths), bias=bias, device="meta")
    whole.weight = nn.Parameter(torch.cat([layer.weight.detach() for layer in layers]))
    if bias:
        whole.bias = nn.Parameter(torch.cat([layer.bias.detach() for layer in layers]))
    return whole, widths


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`W x + b`, by whichever kernel is fast."""
    plain = torch.is_grad_enabled() or torch.compiler.is_exporting() or x.device.type != "cpu"
    if _ONEDNN is None or plain or _working_type(x) != torch.float32:
        return F.linear(x, weight, bias)
    return _ONEDNN(x, weight, bias, "none", [], "")


def attend(query: Tensor, key: Tensor, value: Tensor, seen: Tensor | None) -> Tensor:
    """`softmax(Q K^T / sqrt(D)) V`: query (B, H, T, D), key and value (B, G, S, D), H a multiple of G.

    seen, broadcastable to (B, 1, T, S): the keys each query looks at; None: all for one query, else those before it.
    """
    (rows, heads, steps, size), groups, length = query.shape, key.shape[1], key.shape[2]
    causal, short = bool(seen is None and steps > 1), steps == 1 or length <= _SHORT
    if steps == 1:  # the heads of a group are the queries of one attention: nothing is repeated
        query = query.reshape(rows, groups, heads // groups, size)
    elif groups != heads:
        key, value = (x.repeat_interleave(heads // groups, 1) for x in (key, value))
    if not short or query.dtype != torch.bfloat16 or query.device.type != "cpu":
        found = F.scaled_dot_product_attention(query, key, value, attn_mask=seen, is_causal=causal)
        return found.reshape(rows, heads, steps, size)
    if steps == 1:  # one product a head is too small for a kernel of matrices
        scores = ((query * size**-0.5)[..., None, :] * key[:, :, None]).sum(-1)
    else:
        scores = (query * size**-0.5) @ key.mT
    if causal:
        seen = _causal(steps, length, query.device)
    if seen is not None:
        scores += torch.zeros(seen.shape, dtype=scores.dtype).masked_fill_(~seen, -math.inf)
    shares = scores.softmax(-1)
    found = (shares[..., None] * value[:, :, None]).sum(-2) if steps == 1 else shares @ value
    return found.reshape(rows, heads, steps, size)


def turned(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Queries or keys (B, T, heads, D) turned by their positions."""
    return _Turned.apply(x, cosine, sine) if torch.is_grad_enabled() else _turned(x, cosine, sine, 1)


def same_document(documents: Tensor) -> tuple[Tensor, Tensor]:
    """Packed documents (B, T), each a run of one number -> positions (B, T) from each start, and keys seen (B, 1, T, T)."""
    steps = torch.arange(documents.shape[1], device=documents.device)
    begins = F.pad(documents[:, 1:] != documents[:, :-1], (1, 0), value=True)
    start = (begins * steps).cummax(1).values
    seen = (start[:, :, None] == start[:, None, :]) & _causal(len(steps), len(steps), documents.device)
    return steps - start, seen.unsqueeze(1)


def turns(positions: Tensor, width: int, theta: float, scaling: dict[str, Any] | None = None) -> Turn:
    """The rotary positions of heads of `width` (Su 2021): pair i of a head turns by `theta ** (-2 i / width)` a step.

    scaling: `factor`, `low_freq_factor`, `high_freq_factor` and `original_max_position_embeddings` of Llama 3.1, which
    slows down the turns that are too long for the context it was trained on.
    """
    speeds = 1.0 / theta ** (torch.arange(0, width, 2, device=positions.device).float() / width)
    if scaling:
        low, high, trained = (
            scaling[f"{k}"] for k in ("low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
        )
        share = ((trained * speeds / (2 * math.pi) - low) / (high - low)).clamp(0, 1)
        speeds = (1 - share) * speeds / scaling["factor"] + share * speeds
    angles = (positions[..., None].float() * speeds).unsqueeze(-2)
    return torch.cat([angles, angles], -1).cos(), angles.sin()


def _causal(steps: int, length: int, device: torch.device) -> Tensor:
    """(T, S): the last T of S positions see all up to themselves."""
    return torch.ones(steps, length, dtype=torch.bool, device=device).tril(length - steps)


def _working_type(x: Tensor) -> torch.dtype:
    """What the next product computes in: autocast's type where it is on."""
    device = x.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype


def _scale(x: Tensor, epsilon: float) -> Tensor:
    """`1 / sqrt(mean(x^2) + epsilon)` (..., 1): fewer calls than torch's norm, which count where there is one row."""
    norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    return norm.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()


class _Norm(torch.autograd.Function):
    """RMSNorm in few passes over memory: keeps its input and one number a row."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float, dtype: torch.dtype) -> Tensor:
        x32 = x.float()
        scale = _scale(x32, epsilon)
        ctx.save_for_backward(x, weight, scale)
        return (x32 * scale).mul_(weight).to(dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, scale = ctx.saved_tensors
        x32, given = x.float(), gradient.float()
        product, width = given * x32, x.shape[-1]
        back = (product @ weight.float()).unsqueeze(-1) * scale.pow(3) / -width
        to_x = (given * weight).mul_(scale).addcmul_(x32, back).to(x.dtype)
        to_weight = (scale.reshape(1, -1) @ product.reshape(-1, width)).view(-1).to(weight.dtype)
        return to_x, to_weight, None, None


class _Turned(torch.autograd.Function):
    """Queries or keys (B, T, heads, D) turned by their positions; the gradient is turned back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        ctx.save_for_backward(cosine, sine)
        return _turned(x, cosine, sine, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        cosine, sine = ctx.saved_tensors
        return _turned(gradient, cosine, sine, -1), None, None


def _turned(x: Tensor, cosine: Tensor, sine: Tensor, way: int) -> Tensor:
    half = x.shape[-1] // 2
    if torch.compiler.is_exporting():  # a graph has an operation of its own for it
        angles = [part[..., 0, :half].expand(*x.shape[:2], half) for part in (cosine, sine)]
        return torch.onnx.ops.rotary_embedding(x.flatten(2), *angles, num_heads=x.shape[2]).view_as(x)
    y = x * cosine
    y[..., :half].addcmul_(x[..., half:], sine, value=-way)
    y[..., half:].addcmul_(x[..., :half], sine, value=way)
    return y
