"""nanoGPT's CPU recipe for tiny Shakespeare beside `recipes/language/shakespeare_quick.yaml`, in one run.

    python benchmarks/shakespeare.py [--rounds 2]

In every round the plain loop trains first (4 layers of 128, block 64, 2,000 steps of 12 x 64, AdamW, fp32, dropout 0, as
nanoGPT's README gives it; only its training steps are timed), then the recipe with as many steps as fit into a quarter of
that time, then into all of it (its validations are timed too). Each loss is of the whole validation tenth, in nats a
character.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import modelwright as mw
from modelwright.data import catalogue

RECIPE = Path(__file__).parents[1] / "recipes/language/shakespeare_quick.yaml"
BLOCK, BATCH, STEPS = 64, 12, 2000


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.first, self.second = heads, nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.attention, self.projection = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        rows, steps, width = x.shape
        parts = self.attention(self.first(x)).split(width, 2)
        query, key, value = (p.view(rows, steps, self.heads, -1).transpose(1, 2) for p in parts)
        found = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.projection(found.transpose(1, 2).reshape(rows, steps, width))
        return x + self.down(F.gelu(self.up(self.second(x))))


class GPT(nn.Module):
    """nanoGPT's model: learned positions, pre-norm, tied head."""

    def __init__(self, vocabulary: int, layers: int = 4, heads: int = 4, width: int = 128) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(BLOCK, width)
        self.blocks, self.norm = (
            nn.Sequential(*(Block(width, heads) for _ in range(layers))),
            nn.LayerNorm(width, bias=False),
        )
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                scale = (2 * layers) ** -0.5 if "projection" in name or "down" in name else 1.0
                nn.init.normal_(weight, std=0.02 * scale)

    def forward(self, ids: Tensor, labels: Tensor) -> Tensor:
        x = self.tokens(ids) + self.positions.weight[: ids.shape[1]]
        logits = F.linear(self.norm(self.blocks(x)), self.tokens.weight)
        return F.cross_entropy(logits.flatten(0, 1), labels.flatten())


def plain(train: Tensor, held: Tensor, vocabulary: int, seed: int) -> tuple[float, float]:
    """Loss on the whole of `held`, and the seconds of the training steps."""
    torch.manual_seed(seed)
    model = GPT(vocabulary)
    matrices = [w for w in model.parameters() if w.ndim >= 2]
    norms = [w for w in model.parameters() if w.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": norms, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99))
    began = time.perf_counter()
    for step in range(STEPS):
        rate = 1e-3 * (step + 1) / 101 if step < 100 else 1e-4 + 4.5e-4 * (1 + math.cos(math.pi * (step - 100) / 1900))
        for group in optimizer.param_groups:
            group["lr"] = rate
        starts = torch.randint(len(train) - BLOCK, (BATCH,))
        rows = torch.stack([train[start : start + BLOCK + 1] for start in starts.tolist()])
        model(rows[:, :-1], rows[:, 1:]).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    seconds = time.perf_counter() - began
    count = (len(held) - 1) // BLOCK
    ids, labels = (held[shift : shift + count * BLOCK].view(count, BLOCK) for shift in (0, 1))
    with torch.no_grad():
        losses = [float(model(i, y)) * len(i) for i, y in zip(ids.split(256), labels.split(256))]
    return sum(losses) / count, seconds


def ours(steps: int, seed: int) -> tuple[float, float]:
    """Loss on the whole validation tenth, and the seconds of the training with its validations."""
    with tempfile.TemporaryDirectory() as folder:
        overrides = [f"train.steps={steps}", f"train.seed={seed}"]
        run = mw.train(str(RECIPE), *overrides, out=f"{folder}/run", baselines=False, report=False)
    return run.metrics["validation"]["text"]["loss"], run.metrics["seconds"]["train"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=1)
    text = catalogue.find("tinyshakespeare").read()[0].column("text")[0].as_py()
    letters = {letter: number for number, letter in enumerate(sorted(set(text)))}
    ids = torch.from_numpy(np.array([letters[letter] for letter in text]))
    cut = len(ids) * 9 // 10
    trial = ours(60, 0)[1] / 60  # seconds a step
    for seed in range(parser.parse_args().rounds):
        loss, seconds = plain(ids[:cut], ids[cut:], len(letters), seed)
        print(f"round {seed}: plain loop {loss:.4f} after {seconds:.1f} s", flush=True)
        for share in (0.25, 1.0):
            steps = int(0.95 * share * seconds / trial)
            loss, took = ours(steps, seed)
            trial = took / steps
            print(f"round {seed}: modelwright {loss:.4f} after {took:.1f} s ({took / seconds:.0%} of it)", flush=True)


if __name__ == "__main__":
    main()
