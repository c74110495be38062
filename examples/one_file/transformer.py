"""A language model as they are built today: a decoder-only transformer, from matrix products.

    python examples/one_file/transformer.py

It learns to go on with a text, character by character; the text is the manual of the language that comes with every
Python. The layers are those of Qwen3 and, without the norm of queries and keys, of Llama: what changed since 2017 is where
the norms stand (before, not after), how they work (no mean), how positions enter (as rotations), and the gate.
"""

import pydoc_data.topics

import torch
import torch.nn.functional as F
from torch import nn


class RMSNorm(nn.Module):
    """`x / sqrt(mean(x^2)) * scale`: only the length of a vector is set, so that no layer can shout (Zhang 2019)."""

    def __init__(self, width):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * self.scale


def rotated(x):
    """(B, heads, T, D), each pair of numbers (i, i + D/2) turned by its position times 10000^(-2i/D) (Su 2021).

    The product of a query turned by m and a key turned by n depends on m - n alone: attention learns distances.
    """
    steps, size = x.shape[-2:]
    speeds = 10000.0 ** (-torch.arange(0, size, 2) / size)
    angles = torch.arange(steps)[:, None] * speeds
    first, second = x.chunk(2, -1)
    cosine, sine = angles.cos(), angles.sin()
    return torch.cat([first * cosine - second * sine, first * sine + second * cosine], -1)


class Attention(nn.Module):
    """`softmax(Q K^T / sqrt(D)) V`: each position asks all before it, in several heads at once (Vaswani 2017)."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.query_norm, self.key_norm = RMSNorm(width // heads), RMSNorm(width // heads)
        self.mix = nn.Linear(width, width, bias=False)

    def forward(self, x):
        query, key, value = (
            project(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, heads, T, D)
            for project in (self.query, self.key, self.value)
        )
        query, key = rotated(self.query_norm(query)), rotated(self.key_norm(key))
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        shares = scores.masked_fill(future, float("-inf")).softmax(-1)  # nobody looks at what is to be guessed
        return self.mix((shares @ value).transpose(1, 2).flatten(2))


class Dense(nn.Module):
    """`down(silu(gate(x)) * up(x))`: one product decides how much of the other passes (SwiGLU; Shazeer 2020)."""

    def __init__(self, width, hidden):
        super().__init__()
        self.gate, self.up = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x):
        return self.down(F.silu(self.gate(x)) * self.up(x))


class Block(nn.Module):
    """Attention mixes positions, the dense layers work on each by itself; both only add to what is there."""

    def __init__(self, width, heads, hidden):
        super().__init__()
        self.before_attention, self.attention = RMSNorm(width), Attention(width, heads)
        self.before_dense, self.dense = RMSNorm(width), Dense(width, hidden)

    def forward(self, x):
        x = x + self.attention(self.before_attention(x))
        return x + self.dense(self.before_dense(x))


class Transformer(nn.Module):
    """Ids (B, T) -> logits (B, T, V) of the character after each."""

    def __init__(self, vocabulary, width=64, layers=3, heads=4, hidden=192):
        super().__init__()
        self.table = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(Block(width, heads, hidden) for _ in range(layers))
        self.norm, self.output = RMSNorm(width), nn.Linear(width, vocabulary, bias=False)
        for name, weight in self.named_parameters():
            if "mix" in name or "down" in name:
                nn.init.zeros_(weight)  # every block begins as none at all, and grows into its place
            elif weight.ndim == 2:
                nn.init.normal_(weight, std=0.02 if "table" in name or "output" in name else weight.shape[1] ** -0.5)

    def forward(self, ids):
        x = self.table(ids)
        for block in self.blocks:
            x = block(x)
        return self.output(self.norm(x))

    @torch.no_grad()
    def write(self, ids, count, context, temperature=0.7):
        """Go on with ids (T,) by so many characters, each drawn from what is likely after those before it."""
        for _ in range(count):
            logits = self(ids[None, -context:])[0, -1] / temperature  # below 1: rather the likely ones
            ids = torch.cat([ids, torch.multinomial(logits.softmax(-1), 1)])
        return ids


def main(steps=500, width=64, layers=3, heads=4, context=64, batch=24, lr=4e-3, written=300, seed=0):
    """Train on nine tenths of the text, and return the loss on the last tenth, in nats a character."""
    topics = pydoc_data.topics.topics
    text = "\n".join(topics[name] for name in sorted(topics))
    alphabet = sorted(set(text))
    ids = torch.tensor([alphabet.index(character) for character in text])
    learn, test = ids[: len(ids) * 9 // 10], ids[len(ids) * 9 // 10 :]
    counts = torch.bincount(learn, minlength=len(alphabet)) + 1
    alone = -(counts / counts.sum()).log()[test].mean().item()

    torch.manual_seed(seed)
    model = Transformer(len(alphabet), width, layers, heads, 3 * width)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.95), weight_decay=0.1)
    print(
        f"{sum(p.numel() for p in model.parameters()):,} parameters; {len(ids):,} characters, {len(alphabet)} of them"
    )
    print(f"by how often each comes: {alone:.3f} nats a character")
    windows = torch.arange(context + 1)
    places = torch.arange(0, len(test) - context - 1, context)[:: max(1, len(test) // (context * 200))]
    loss_on_test = 0.0
    for step in range(1, steps + 1):
        for group in optimizer.param_groups:  # 20 small steps first, then less and less
            group["lr"] = lr * min(step / 20, 1.1 - step / steps, 1.0)
        chunk = learn[torch.randint(len(learn) - context, (batch, 1)) + windows]
        loss = F.cross_entropy(model(chunk[:, :-1]).flatten(0, 1), chunk[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 0 or step == steps:
            with torch.no_grad():
                chunk = test[places[:, None] + windows]
                loss_on_test = F.cross_entropy(model(chunk[:, :-1]).flatten(0, 1), chunk[:, 1:].flatten()).item()
            print(f"step {step:4}: training loss {loss.item():.3f}, on the last tenth {loss_on_test:.3f}")
    if written:
        begin = torch.tensor([alphabet.index(character) for character in "The "])
        print("".join(alphabet[i] for i in model.write(begin, written, context)))
    return loss_on_test


if __name__ == "__main__":
    main()
