"""LoRA (Hu 2022): a frozen model learns a low-rank change of some of its dense layers, kept in PEFT's format.

Knows nothing of what the model is for.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .checkpoint import load_tensors, save_tensors
from .errors import RunError, UserError, did_you_mean
from .files import write_json
from .parts import Count, Positive

_PREFIX = "base_model.model."  # of every weight's name in PEFT's files
_DENSE = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


class Adapted(nn.Linear):
    """`W x + (alpha / rank) B A x`: W is frozen, B begins as 0."""

    def __init__(self, layer: nn.Linear, rank: int, alpha: float) -> None:
        nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.weight, self.bias, self.rank, self.alpha, self.plain = layer.weight, layer.bias, rank, alpha, type(layer)
        self.lora_A = nn.Linear(layer.in_features, rank, bias=False, device=layer.weight.device)
        self.lora_B = nn.Linear(rank, layer.out_features, bias=False, device=layer.weight.device)
        nn.init.zeros_(self.lora_B.weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias) + self.lora_B(self.lora_A(x)) * (self.alpha / self.rank)

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """One dense layer that computes the same."""
        layer = self.plain(self.in_features, self.out_features, bias=self.bias is not None, device="meta")
        change = self.lora_B.weight @ self.lora_A.weight * (self.alpha / self.rank)
        layer.weight, layer.bias = nn.Parameter(self.weight + change), self.bias
        return layer


def adapt(model: nn.Module, *, rank: Count = 8, alpha: Positive = 16.0, targets: tuple[str, ...] = _DENSE) -> None:
    """Freeze a model and give each dense layer whose name ends in one of `targets` a change to learn, in place.

    Options:
        rank: rank of the change.
        alpha: the change is multiplied by alpha / rank.
        targets: last names of the layers.
    """
    layers = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear)}
    known = {name.rpartition(".")[2] for name in layers}
    for target in targets:
        if target not in known:
            raise UserError(
                f"there is no dense layer '{target}'.", where="model.lora.targets", hint=did_you_mean(target, known)
            )
    model.requires_grad_(False)
    for name, layer in layers.items():
        if name.rpartition(".")[2] in targets:
            _replace(model, name, Adapted(layer, rank, alpha))


def merge(model: nn.Module) -> None:
    """Put every change into the weights, in place: the model computes the same and is a plain one again."""
    for name, layer in _adapted(model).items():
        _replace(model, name, layer.merged())
    model.requires_grad_(True)


def write_adapter(folder: Path, model: nn.Module, base: str = "") -> None:
    """Write the changes in PEFT's format: adapter_config.json and adapter_model.safetensors.

    base: where the model that was adapted is to be found.
    """
    layers = _adapted(model)
    first = next(iter(layers.values()))
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": first.rank,
        "lora_alpha": first.alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "target_modules": sorted({name.rpartition(".")[2] for name in layers}),
        "inference_mode": True,
    }
    write_json(folder / "adapter_config.json", config)
    tensors = {
        f"{_PREFIX}{n}.{k}": v for n, layer in layers.items() for k, v in layer.state_dict().items() if "lora_" in k
    }
    save_tensors(folder / "adapter_model.safetensors", tensors)


def read_adapter(folder: Path, model: nn.Module) -> None:
    """Adapt a model, in place, with the changes of a folder in PEFT's format. Raises RunError where they do not fit."""
    try:
        config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
        rank, alpha = config["r"], config["lora_alpha"]
    except (OSError, ValueError, KeyError) as error:
        raise RunError(f"has no readable adapter_config.json ({error}).", where=str(folder)) from None
    for key in ("use_dora", "use_rslora", "rank_pattern", "alpha_pattern", "modules_to_save"):
        if config.get(key):
            raise RunError(f"{key}: {config[key]} is not computed here.", where=str(folder / "adapter_config.json"))
    tensors = {
        name.removeprefix(_PREFIX): value.float()
        for name, value in load_tensors(folder / "adapter_model.safetensors").items()
    }
    layers = dict(model.named_modules())
    model.requires_grad_(False)
    for name in {name.partition(".lora_")[0] for name in tensors}:
        layer = layers.get(name)
        if not isinstance(layer, nn.Linear):
            raise RunError(
                f"the model has no dense layer '{name}'.", where=str(folder), hint="This is another model's adapter."
            )
        _replace(model, name, Adapted(layer, rank, alpha))
    try:
        model.load_state_dict({**model.state_dict(), **tensors})
    except RuntimeError as error:
        raise RunError(f"does not fit the model: {str(error).splitlines()[1].strip()}", where=str(folder)) from None


def _adapted(model: nn.Module) -> dict[str, Adapted]:
    return {name: module for name, module in model.named_modules() if isinstance(module, Adapted)}


def _replace(model: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, layer)
