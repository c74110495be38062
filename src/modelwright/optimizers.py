"""Optimisers. Each is `kind(model, *, lr, ...)` and returns an object with `step`, `zero_grad`, `state_dict`,
`load_state_dict` and `param_groups`, each group carrying its `initial_lr` for the schedule to multiply.

Weight decay falls on the matrices of dense, convolutional and recurrent layers only: not on biases, norms, embeddings,
tokens or positions. Fused kernels are used where torch has them. Knows nothing of losses or loops. The kinds are the
names in `__all__`; one with the attribute `full_batch` wants all training rows in each step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .parts import NotNegative, Positive, Share

__all__ = ["adam", "adamw", "gradient_descent", "momentum", "muon", "rmsprop", "sgd"]

_FUSED = {"cpu", "cuda", "mps", "xpu"}  # devices for which torch has fused SGD and Adam kernels
_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # the quintic's coefficients (Jordan 2024)
Group = dict[str, Any]


def gradient_descent(model: nn.Module, *, lr: Positive = 0.1, weight_decay: NotNegative = 0.0) -> torch.optim.Optimizer:
    """`w <- w - lr * grad` with the gradient of all training rows (the introductory articles).

    Options:
        lr: learning rate.
        weight_decay: share of the weights added to their gradient (L2 penalty).
    """
    return _ready(torch.optim.SGD(_groups(model, weight_decay, lr), lr=lr, fused=_fused(model)))


gradient_descent.full_batch = True  # type: ignore[attr-defined]


def sgd(model: nn.Module, *, lr: Positive = 0.1, weight_decay: NotNegative = 0.0) -> torch.optim.Optimizer:
    """`w <- w - lr * grad` with the gradient of a random batch (Robbins & Monro 1951; the introductory articles).

    Options:
        lr: learning rate.
        weight_decay: share of the weights added to their gradient (L2 penalty).
    """
    return _ready(torch.optim.SGD(_groups(model, weight_decay, lr), lr=lr, fused=_fused(model)))


def momentum(
    model: nn.Module,
    *,
    lr: Positive = 0.05,
    momentum: Share = 0.9,
    nesterov: bool = True,
    weight_decay: NotNegative = 0.0,
) -> torch.optim.Optimizer:
    """`v <- momentum * v + grad; w <- w - lr * v`, or Nesterov's look-ahead (Sutskever 2013).

    Options:
        lr: learning rate.
        momentum: share of the velocity that is kept.
        nesterov: look one step ahead.
        weight_decay: share of the weights added to their gradient (L2 penalty).
    """
    groups = _groups(model, weight_decay, lr)
    look_ahead = nesterov and momentum > 0
    return _ready(torch.optim.SGD(groups, lr=lr, momentum=momentum, nesterov=look_ahead, fused=_fused(model)))


def rmsprop(
    model: nn.Module,
    *,
    lr: Positive = 1e-3,
    decay: Share = 0.99,
    momentum: Share = 0.0,
    weight_decay: NotNegative = 0.0,
) -> torch.optim.Optimizer:
    """Divides the gradient by the root of its mean square (Hinton 2012, lecture 6e). torch has no fused kernel for it.

    Options:
        lr: learning rate.
        decay: share of the mean square that is kept.
        momentum: share of the velocity that is kept.
        weight_decay: share of the weights added to their gradient (L2 penalty).
    """
    return _ready(torch.optim.RMSprop(_groups(model, weight_decay, lr), lr=lr, alpha=decay, momentum=momentum))


def adam(
    model: nn.Module, *, lr: Positive = 1e-3, beta1: Share = 0.9, beta2: Share = 0.999, weight_decay: NotNegative = 0.0
) -> FusedAdam | torch.optim.Optimizer:
    """Adam with bias correction (Kingma & Ba 2015, algorithm 1). The introductory articles leave the correction out.

    Options:
        lr: learning rate.
        beta1: share of the mean gradient that is kept.
        beta2: share of the mean squared gradient that is kept.
        weight_decay: share of the weights added to their gradient (L2 penalty).
    """
    return _adam(_groups(model, weight_decay, lr), lr, (beta1, beta2), torch.optim.Adam)


def adamw(
    model: nn.Module, *, lr: Positive = 1e-3, beta1: Share = 0.9, beta2: Share = 0.999, weight_decay: NotNegative = 0.01
) -> FusedAdam | torch.optim.Optimizer:
    """Adam whose weight decay does not pass through the gradient (Loshchilov & Hutter 2019).

    Options:
        lr: learning rate.
        beta1: share of the mean gradient that is kept.
        beta2: share of the mean squared gradient that is kept.
        weight_decay: share of the weights, times the learning rate, taken off in each step.
    """
    return _adam(_groups(model, weight_decay, lr), lr, (beta1, beta2), torch.optim.AdamW)


def muon(
    model: nn.Module,
    *,
    lr: Positive = 0.02,
    momentum: Share = 0.95,
    weight_decay: NotNegative = 0.01,
    adam_ratio: Positive = 0.125,
    embedding_ratio: Positive = 1.0,
) -> _Together:
    """Muon (Jordan 2024) for the hidden layers' matrices and filters, fused AdamW for everything else.

    Hidden: every dense, convolutional or recurrent weight except those of layers named `output` or `lm_head`.

    Options:
        lr: learning rate of Muon.
        momentum: share of the mean gradient that is kept.
        weight_decay: share of the weights, times the learning rate, taken off in each step.
        adam_ratio: AdamW's learning rate as a multiple of Muon's.
        embedding_ratio: the learning rate of embeddings as a multiple of AdamW's.
    """
    matrices, outputs, others = _sorted(model)
    tables = {id(module.weight) for module in model.modules() if isinstance(module, (nn.Embedding, nn.EmbeddingBag))}
    embeddings = [weight for weight in others if id(weight) in tables]
    others = [weight for weight in others if id(weight) not in tables]
    rate = lr * adam_ratio
    optimizers: list[Any] = []
    if matrices:
        optimizers.append(_Muon(matrices, lr=lr, momentum=momentum, weight_decay=weight_decay))
    rest: list[Group] = [
        {"params": outputs, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
        {"params": embeddings, "weight_decay": 0.0, "lr": rate * embedding_ratio},
    ]
    if rest := [group for group in rest if group["params"]]:
        optimizers.append(_adam(rest, rate, (0.9, 0.95), torch.optim.AdamW))
    return _Together([_ready(optimizer) for optimizer in optimizers])


def _adam(groups: list[Group], lr: float, betas: tuple[float, float], kind: Any) -> Any:
    """The fused kernel alone where all weights are alike, else torch's optimiser `kind`."""
    weights = [weight for group in groups for weight in group["params"]]
    places = {(weight.device, weight.dtype) for weight in weights}
    fused = _can_fuse(weights)
    if fused and len(places) == 1:
        return FusedAdam(groups, lr=lr, betas=betas, decoupled=kind is torch.optim.AdamW)
    return _ready(kind(groups, lr=lr, betas=betas, fused=fused))


class FusedAdam:
    """torch's fused Adam or AdamW kernel and nothing around it: the same weights as torch.optim gives, bit for bit.

    torch.optim loads torch's compiler on first use, a second of processor time that only `compile` needs, and spends
    more time around the kernel of a small model than in it.
    """

    def __init__(self, groups: list[Group], *, lr: float, betas: tuple[float, float], decoupled: bool) -> None:
        self.param_groups: list[Group] = [{"lr": lr, "fused": True, **group} for group in groups]
        _ready(self)
        self.options = {"beta1": betas[0], "beta2": betas[1], "eps": 1e-8, "amsgrad": False, "maximize": False}
        self.kernel = torch._fused_adamw_ if decoupled else torch._fused_adam_
        self.state: dict[Tensor, tuple[Tensor, Tensor, Tensor]] = {}  # weight -> steps, mean, mean square

    @torch.no_grad()
    def step(self) -> None:
        """Change every weight that has a gradient."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            steps, means, squares = map(list, zip(*[self.state.get(w) or self._begin(w) for w in weights]))
            gradients = [weight.grad for weight in weights]
            options = {"lr": group["lr"], "weight_decay": group["weight_decay"], **self.options}
            torch._foreach_add_(steps, 1)
            self.kernel(weights, gradients, means, squares, [], steps, **options)  # type: ignore[call-overload]

    def _begin(self, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        steps = torch.zeros((), dtype=torch.float32, device=weight.device)
        self.state[weight] = (steps, torch.zeros_like(weight), torch.zeros_like(weight))
        return self.state[weight]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        for weight in self._weights():
            weight.grad = None

    def state_dict(self) -> dict[str, Any]:
        """Moments by the weight's number, and the groups' settings."""
        settings = [{key: value for key, value in group.items() if key != "params"} for group in self.param_groups]
        return {
            "state": {n: list(self.state[w]) for n, w in enumerate(self._weights()) if w in self.state},
            "groups": settings,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict()`."""
        for group, settings in zip(self.param_groups, state["groups"], strict=True):
            group.update(settings)
        weights = self._weights()
        for number, (steps, mean, square) in state["state"].items():
            for own, given in zip(self._begin(weights[number]), (steps, mean, square)):
                own.copy_(given)

    def _weights(self) -> list[Tensor]:
        return [weight for group in self.param_groups for weight in group["params"]]


class _Muon(torch.optim.Optimizer):
    """torch.optim.Muon for two or more dimensions (filters are a matrix's rows); equal shapes share their products.

    torch's own refuses convolution filters; on matrices both give the same weights (a test compares them).
    """

    def __init__(self, params: list[nn.Parameter], *, lr: float, momentum: float, weight_decay: float) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            shapes: dict[tuple[torch.Size, torch.device], list[Tensor]] = {}
            for weight in group["params"]:
                if weight.grad is not None:
                    shapes.setdefault((weight.shape, weight.device), []).append(weight)
            for weights in shapes.values():
                self._update(weights, group)

    def _update(self, weights: list[Tensor], group: Group) -> None:
        """One step of all weights of one shape."""
        updates = []
        for weight in weights:
            state, gradient = self.state[weight], weight.grad
            assert gradient is not None
            if not state:
                state["momentum_buffer"] = torch.zeros_like(weight)
            mean = state["momentum_buffer"].lerp_(gradient, 1 - group["momentum"])
            updates.append(gradient.lerp(mean, group["momentum"]).flatten(1))
        rows, columns = updates[0].shape
        scale = group["lr"] * max(1.0, rows / columns) ** 0.5
        for weight, direction in zip(weights, _orthogonal(torch.stack(updates))):
            weight.mul_(1 - group["lr"] * group["weight_decay"])
            weight.add_(direction.view(weight.shape).to(weight.dtype), alpha=-scale)


def _orthogonal(matrices: Tensor, steps: int = 5) -> Tensor:
    """(N, R, C) -> about the nearest matrices with orthonormal rows or columns, by Newton-Schulz in bfloat16."""
    a, b, c = _NEWTON_SCHULZ
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.bfloat16()
    x = x.mT if tall else x
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).contiguous()


class _Together:
    """Several optimisers that step as one."""

    def __init__(self, optimizers: list[torch.optim.Optimizer]) -> None:
        self.optimizers = optimizers

    @property
    def param_groups(self) -> list[Group]:
        """The groups of all; a property because loading a state replaces the lists."""
        return [group for optimizer in self.optimizers for group in optimizer.param_groups]

    def step(self) -> None:
        for optimizer in self.optimizers:
            optimizer.step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none)

    def state_dict(self) -> dict[str, Any]:
        return {str(number): optimizer.state_dict() for number, optimizer in enumerate(self.optimizers)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for number, optimizer in enumerate(self.optimizers):
            optimizer.load_state_dict(state[str(number)])


def _sorted(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter], list[nn.Parameter]]:
    """Trainable parameters: hidden matrices, matrices of output layers, all others; each once, in the model's order."""
    layers = (nn.Linear, nn.modules.conv._ConvNd, nn.RNNBase)  # RNNBase: RNN, LSTM, GRU
    hidden: list[nn.Parameter] = []
    outputs: list[nn.Parameter] = []
    for name, module in model.named_modules():
        if isinstance(module, layers):
            place = outputs if name.rpartition(".")[2] in ("output", "lm_head") else hidden
            place.extend(weight for weight in module.parameters(recurse=False) if weight.ndim >= 2)
    taken = {id(weight) for weight in hidden + outputs}
    others = [weight for weight in model.parameters() if id(weight) not in taken]
    return _trainable(hidden), _trainable(outputs), _trainable(others)


def _trainable(weights: list[nn.Parameter]) -> list[nn.Parameter]:
    unique = {id(weight): weight for weight in weights}  # a shared (tied) weight is stepped once
    return [weight for weight in unique.values() if weight.requires_grad]


def _groups(model: nn.Module, weight_decay: float, lr: float) -> list[Group]:
    """Parameter groups with and without weight decay; one group, and so one kernel, where nothing decays. The weights
    of a module with an `lr_factor` (a pretrained encoder) are groups of their own."""
    hidden, outputs, others = _sorted(model)
    slower: list[Any] = [module for module in model.modules() if hasattr(module, "lr_factor")]
    factors: dict[int, float] = {id(weight): module.lr_factor for module in slower for weight in module.parameters()}
    groups: dict[tuple[float, float], Group] = {}
    for decay, weights in ((weight_decay, hidden + outputs), (0.0, others)):
        for weight in weights:
            rate = lr * factors.get(id(weight), 1.0)
            group = groups.setdefault((decay, rate), {"params": [], "weight_decay": decay, "lr": rate})
            group["params"].append(weight)
    return list(groups.values())


def _fused(model: nn.Module) -> bool:
    return _can_fuse(list(model.parameters()))


def _can_fuse(weights: Sequence[Tensor]) -> bool:
    return all(weight.device.type in _FUSED and weight.is_floating_point() for weight in weights)


def _ready(optimizer: Any) -> Any:
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]
    return optimizer
