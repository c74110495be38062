"""Training a GPT of 6 layers, width 384, context 256 on characters: `gpt_training.py SUBJECT fp32|bf16`.

Subjects: `ours` through modelwright's loop and fused AdamW, `loop` as a person writes the same net and loop in plain
torch, `trainer` is transformers' Qwen3 in its Trainer, `matmul` measures what the processor gives a large product.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from collections.abc import Callable

import task
import torch
import torch.nn.functional as F
from torch import Tensor, nn

VOCABULARY, WIDTH, LAYERS, HEADS, HIDDEN, CONTEXT, BATCH = 65, 384, 6, 6, 1024, 256, 12
WARM, STEPS, RATE = 2, 6, 1e-3


class Norm(nn.Module):
    """RMSNorm."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight, 1e-6)


class Layer(nn.Module):
    """Attention with normed heads and rotary positions, and SwiGLU."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = Norm(WIDTH), Norm(WIDTH)
        self.query_norm, self.key_norm = Norm(WIDTH // HEADS), Norm(WIDTH // HEADS)
        self.attention, self.mix = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
        self.gate, self.up = nn.Linear(WIDTH, HIDDEN, bias=False), nn.Linear(WIDTH, HIDDEN, bias=False)
        self.down = nn.Linear(HIDDEN, WIDTH, bias=False)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        rows, steps, _ = x.shape
        joined = self.attention(self.first(x)).view(rows, steps, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        query, key = (turned(n(y), cosine, sine) for n, y in zip((self.query_norm, self.key_norm), joined))
        y = F.scaled_dot_product_attention(query, key, joined[2], is_causal=True)
        x = x + self.mix(y.transpose(1, 2).reshape(rows, steps, WIDTH))
        y = self.second(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


def turned(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotary positions."""
    first, second = x.chunk(2, -1)
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], -1)


class Net(nn.Module):
    """The same net as ours, layer by layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.output = nn.Embedding(VOCABULARY, WIDTH), nn.Linear(WIDTH, VOCABULARY, bias=False)
        self.layers, self.norm = nn.ModuleList(Layer() for _ in range(LAYERS)), Norm(WIDTH)

    def forward(self, ids: Tensor) -> Tensor:
        speeds = 10000.0 ** -(torch.arange(0, WIDTH // HEADS, 2) / (WIDTH // HEADS))
        angles = torch.arange(ids.shape[1])[:, None] * speeds
        x = self.embedding(ids)
        for layer in self.layers:
            x = layer(x, angles.cos(), angles.sin())
        return self.output(self.norm(x))


def loop(precision: str, batches: list[dict[str, Tensor]], note: Callable[[], None]) -> None:
    """Plain torch."""
    model = Net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    for batch in batches:
        note()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            logits = model(batch["ids"])
        F.cross_entropy(logits.float().flatten(0, 1), batch["labels"].flatten()).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    note()


def ours(precision: str, batches: list[dict[str, Tensor]], note: Callable[[], None]) -> None:
    """modelwright's model, loop and optimiser."""
    from modelwright.loop import StepOptions, train_steps
    from modelwright.models.language import Language
    from modelwright.optimizers import adamw

    sizes = {"width": WIDTH, "layers": LAYERS, "heads": HEADS, "hidden": HIDDEN, "context": CONTEXT}
    model = Language(VOCABULARY, **sizes)
    optimizer, options = adamw(model, lr=RATE), StepOptions(precision=precision)
    note()
    for _ in train_steps(model, batches, optimizer, factor=lambda step: 1.0, options=options):
        note()


def trainer(precision: str, batches: list[dict[str, Tensor]], note: Callable[[], None]) -> None:
    """transformers' model and Trainer."""
    import transformers

    class Note(transformers.TrainerCallback):
        def on_step_begin(self, *_: object, **__: object) -> None:
            note()

    config = transformers.Qwen3Config(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=HIDDEN, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, num_key_value_heads=HEADS, head_dim=WIDTH // HEADS, max_position_embeddings=CONTEXT,
    )  # fmt: skip
    rows = [{"input_ids": ids, "labels": ids} for batch in batches for ids in batch["ids"]]
    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            folder, per_device_train_batch_size=BATCH, max_steps=len(batches), bf16=precision == "bf16", use_cpu=True,
            save_strategy="no", report_to="none", disable_tqdm=True, logging_strategy="no", max_grad_norm=0,
        )  # fmt: skip
        model = transformers.Qwen3ForCausalLM(config)
        transformers.Trainer(model, arguments, train_dataset=rows, callbacks=[Note()]).train()
    note()


def matmul(precision: str) -> float:
    """The most operations a second of products of 2048 x 2048 matrices."""
    one, other = torch.randn(2, 2048, 2048, dtype=torch.bfloat16 if precision == "bf16" else torch.float32)
    watch, times = task.Stopwatch(), []
    for _ in range(8):
        watch.start()
        one @ other
        watch.stop()
        times.append(watch.seconds)
    return 2 * 2048**3 / min(times)


def main(subject: str, precision: str) -> None:
    """Warm up, time the steps, answer."""
    torch.set_num_threads(task.THREADS)
    torch.manual_seed(0)
    if subject == "matmul":
        task.answer(operations=matmul(precision))
        return
    ids = torch.randint(0, VOCABULARY, (WARM + STEPS, BATCH, CONTEXT + 1))
    batches = [{"ids": rows[:, :-1].contiguous(), "labels": rows[:, 1:].contiguous()} for rows in ids]
    moments: list[float] = []
    clock = task.Stopwatch().clock
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    {"ours": ours, "loop": loop, "trainer": trainer}[subject](precision, batches, lambda: moments.append(clock()))
    tokens = STEPS * BATCH * CONTEXT / (moments[-1] - moments[WARM])
    weights = LAYERS * (4 * WIDTH**2 + 3 * WIDTH * HIDDEN) + VOCABULARY * WIDTH
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20
    task.answer(rate=tokens, operations=tokens * (6 * weights + 12 * LAYERS * CONTEXT * WIDTH), gigabytes=peak)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
