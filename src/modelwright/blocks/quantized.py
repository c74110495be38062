"""Weights in few bits: dense layers that compute from int8 or int4, and int8 for how any other weight is stored.

Weights of N outputs and K inputs. Buffers are plain tensors, so that a file holds them as they are. Where many weights
are 0, a state has a bit for each weight and the others' codes (`_mask`), unpacked when it is loaded. The kernels are
torch's own for processors; where they are missing, on another device, or for a gradient, weights are made float32 first,
which gives the same numbers within rounding. Knows nothing of which layers are changed, nor of how codes are chosen
beyond rounding to the nearest.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .decoder import product

_BLOCK = 32  # inputs of which the int8 kernel takes a multiple
_FEW = 32  # rows up to which torch's kernels beat making the weights float32 first
Activations = Literal["none", "dynamic", "static"]
Grid = tuple[Tensor, Tensor]
"""Of each group of inputs (N, K / group): the step between two codes, and the value of the code 8; both bfloat16."""


def to_int8(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Codes int8 like the weight (N, ...), and their scale (N,), bfloat16: the largest of each output is 127 or -127."""
    scale = (weight.detach().float().flatten(1).abs().amax(1).clamp(min=1e-12) / 127).bfloat16()
    return _to_codes(weight.detach(), scale), scale


def _to_codes(weight: Tensor, scale: Tensor) -> Tensor:
    return (weight / _beside(scale.float(), weight)).round().clamp(-127, 127).to(torch.int8)


def from_int8(codes: Tensor, scale: Tensor) -> Tensor:
    """What `to_int8` stands for, float32."""
    return codes * _beside(scale.float(), codes)


def to_grid(weight: Tensor) -> Grid:
    """The grid of 16 codes between the least and the largest weight of each group (..., group)."""
    least, largest = weight.amin(-1).clamp(max=0), weight.amax(-1).clamp(min=0)
    step = ((largest - least) / 15).clamp(min=1e-12).bfloat16()
    return step, (least + 8 * step.float()).bfloat16()


def to_int4(weight: Tensor, grid: Grid) -> Tensor:
    """The nearest code, 0 to 15, of each weight (..., group)."""
    step, middle = (part.float().unsqueeze(-1) for part in grid)
    return ((weight - middle) / step + 8).round().clamp(0, 15).to(torch.uint8)


def from_int4(codes: Tensor, grid: Grid) -> Tensor:
    """What `to_int4` stands for, float32."""
    step, middle = (part.float().unsqueeze(-1) for part in grid)
    return (codes.float() - 8) * step + middle


class Int8Linear(nn.Module):
    """`W x + b` with W as int8, a scale for each output.

    activations: "dynamic" rounds each row of x to int8 too, by its own largest value (W8A8); "static" by one that was
    seen before (`input_scale`); "none" leaves x as it is.
    """

    def __init__(self, layer: nn.Linear, activations: Activations = "none") -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.bias, self.activations = layer.bias, activations
        self.codes: Tensor
        self.scale: Tensor
        self.input_scale: Tensor
        _hold_int8(self, layer.weight)
        if activations == "static":
            self.register_buffer("input_scale", torch.ones(()))

    @property
    def weight(self) -> Tensor:
        """(N, K), float32."""
        return from_int8(self.codes, self.scale)

    def forward(self, x: Tensor) -> Tensor:
        if self.activations == "none":
            return _add(int8_product(x, self.codes, self.scale), self.bias)
        if self.activations == "static":
            step = self.input_scale
            rounded = (x / step).round_().clamp_(-127, 127)
        else:
            step = torch.linalg.vector_norm(x.detach(), math.inf, -1, keepdim=True).clamp_(min=1e-12) / 127
            rounded = (x / step).round_()
        if x.requires_grad and torch.is_grad_enabled():  # the gradient passes as if x had not been rounded
            return F.linear(x + (rounded * step - x).detach(), self.weight, self.bias)
        return _add((_integers(rounded, self.codes) * self.scale.float()).mul_(step), self.bias)


class Int8Embedding(nn.Module):
    """A table of tokens as int8, a scale for each, that can also be the output's weights (`product`)."""

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        self.codes: Tensor
        self.scale: Tensor
        _hold_int8(self, table.weight)

    @property
    def weight(self) -> Tensor:
        """(V, D), float32."""
        return from_int8(self.codes, self.scale)

    def forward(self, ids: Tensor) -> Tensor:
        return F.embedding(ids, self.codes) * self.scale[ids].float().unsqueeze(-1)

    def product(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., V)."""
        return int8_product(x, self.codes, self.scale)


class Int4Linear(nn.Module):
    """`W x + b` with two codes of W in a byte, on a grid of their own for each `group` of inputs (K a multiple of it)."""

    def __init__(self, layer: nn.Linear, group: int) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.group, self.bias = group, layer.bias
        weight = layer.weight.detach().unflatten(1, (-1, group))
        grid = to_grid(weight)
        self.register_buffer("codes", torch.empty(0))
        self.register_buffer("grid", torch.empty(0))
        self.set(to_int4(weight, grid), grid)
        self.register_load_state_dict_pre_hook(_forget)

    def set(self, codes: Tensor, grid: Grid) -> None:
        """Take over codes (N, K / group, group), 0 to 15, and their grid."""
        codes = codes.flatten(1)
        self.codes = codes[:, ::2] | codes[:, 1::2] << 4  # (N, K / 2)
        self.grid = torch.stack(grid, -1)  # (N, K / group, 2), bfloat16
        self.packed: tuple[Tensor, Tensor] | None = None  # as the kernel wants them

    @property
    def weight(self) -> Tensor:
        """(N, K), float32."""
        codes = self._apart().unflatten(1, (-1, self.group))
        return from_int4(codes, (self.grid[..., 0], self.grid[..., 1])).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        if not _has_kernel("_weight_int4pack_mm_for_cpu", x) or x.numel() > _FEW * self.in_features:
            return product(x, self.weight.to(x.dtype), self.bias)
        if self.packed is None:
            self.packed = self._pack()
        packed, grid = self.packed
        flat = x.reshape(-1, self.in_features).bfloat16().contiguous()
        y = torch._weight_int4pack_mm_for_cpu(flat, packed, self.group, grid)
        return _add(y[:, : self.out_features].to(x.dtype).view(*x.shape[:-1], self.out_features), self.bias)

    def _apart(self) -> Tensor:
        """The codes (N, K), one in a byte."""
        return torch.stack([self.codes & 15, self.codes >> 4], -1).flatten(1)

    def _pack(self) -> tuple[Tensor, Tensor]:
        codes = self._apart()
        missing = -len(codes) % 16  # the kernel wants outputs by 16
        packed = torch._convert_weight_to_int4pack_for_cpu(F.pad(codes, (0, 0, 0, missing)).int(), 1)
        return packed, F.pad(self.grid, (0, 0, 0, 0, 0, missing)).transpose(0, 1).contiguous()


def int8_product(x: Tensor, codes: Tensor, scale: Tensor) -> Tensor:
    """`(codes * scale) x`: (..., K) -> (..., N). Of few rows in bfloat16: the kernel for float32 is slower than float32."""
    flat = x.reshape(-1, x.shape[-1])
    if not _has_kernel("_weight_int8pack_mm", x) or len(flat) > _FEW or codes.shape[1] % _BLOCK:
        return product(x, from_int8(codes, scale).to(x.dtype))
    y = torch._weight_int8pack_mm(flat.bfloat16().contiguous(), codes, scale)
    return y.to(x.dtype).view(*x.shape[:-1], len(codes))


def _hold_int8(module: nn.Module, weight: Tensor) -> None:
    codes, scale = to_int8(weight)
    module.register_buffer("codes", codes)
    module.register_buffer("scale", scale)
    _pack_zeros(module, "codes")


def store_int8(module: nn.Module, name: str) -> None:
    """Round a parameter (N, ...) to int8, in place: it computes as before, and the module's state holds its codes."""
    weight = getattr(module, name)
    codes, scale = to_int8(weight)
    weight.data = from_int8(codes, scale).to(weight.dtype)
    module.register_buffer(f"{name}_scale", scale)
    module.register_state_dict_post_hook(partial(_save_codes, name))
    _pack_zeros(module, name)
    module.register_load_state_dict_pre_hook(partial(_load_codes, name))


def _save_codes(name: str, module: nn.Module, state: dict[str, Any], prefix: str, _: Any) -> None:
    state[prefix + name] = _to_codes(state[prefix + name], state[f"{prefix}{name}_scale"])


def _load_codes(name: str, module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    codes, scale = state.get(prefix + name), state.get(f"{prefix}{name}_scale")
    if codes is not None and scale is not None:
        state[prefix + name] = from_int8(codes, scale)


def _pack_zeros(module: nn.Module, name: str) -> None:
    """Where more than an eighth of the codes is 0, states hold a bit for each and the others' codes alone."""
    module.register_state_dict_post_hook(partial(_to_packed, name))
    module.register_load_state_dict_pre_hook(partial(_from_packed, name))


def _to_packed(name: str, module: nn.Module, state: dict[str, Any], prefix: str, _: Any) -> None:
    codes = state[prefix + name]
    real = codes != 0
    if int(real.sum()) + codes.numel() / 8 < codes.numel():
        state[prefix + name], state[f"{prefix}{name}_mask"] = codes[real], _bits(real.flatten())


def _from_packed(name: str, module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    mask = state.pop(f"{prefix}{name}_mask", None)
    if mask is not None and prefix + name in state:
        packed, shape = state[prefix + name], getattr(module, name).shape
        real = (mask[:, None] >> torch.arange(8, device=mask.device) & 1).flatten()[: shape.numel()].bool()
        state[prefix + name] = packed.new_zeros(shape.numel()).masked_scatter_(real, packed).view(shape)


def _bits(flags: Tensor) -> Tensor:
    """Eight flags in a byte, the first in its lowest bit."""
    eights = F.pad(flags, (0, -len(flags) % 8)).view(-1, 8).to(torch.uint8)
    return (eights << torch.arange(8, dtype=torch.uint8, device=flags.device)).sum(1).to(torch.uint8)


def _forget(module: nn.Module, *_: Any) -> None:
    module.packed = None  # type: ignore[assignment]


def _integers(x: Tensor, codes: Tensor) -> Tensor:
    """The product of whole numbers (..., K), whatever type holds them, and codes (N, K)."""
    # of one input the kernel (torch 2.13) makes something else at random
    if x.shape[-1] == 1 or not _has_kernel("_int_mm", x):
        return F.linear(x, codes.to(x.dtype))
    flat = x.reshape(-1, x.shape[-1]).to(torch.int8)
    return torch._int_mm(flat, codes.t()).view(*x.shape[:-1], len(codes))


def _has_kernel(name: str, x: Tensor) -> bool:
    """Whether torch has the kernel for x, of which no gradient is asked, and which is not being exported."""
    learned = x.requires_grad and torch.is_grad_enabled()
    return not learned and x.device.type == "cpu" and hasattr(torch, name) and not torch.compiler.is_exporting()


def _beside(scale: Tensor, weight: Tensor) -> Tensor:
    """(N,) as (N, 1, ...)."""
    return scale.view(-1, *[1] * (weight.ndim - 1))


def _add(y: Tensor, bias: Tensor | None) -> Tensor:
    return y if bias is None else y + bias
