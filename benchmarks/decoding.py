"""Greedy tokens a second of a decoder of 124 million weights: `decoding.py ours|huggingface fp32|bf16 BATCH`."""

from __future__ import annotations

import sys
from collections.abc import Callable

import task
import torch
from torch import Tensor

VOCABULARY, PROMPT, TOKENS = 50304, 16, 48
SIZES = {"width": 768, "layers": 12, "heads": 12, "groups": 12, "hidden": 2048, "context": 1024, "tied": True}


def ours(dtype: torch.dtype) -> Callable[[Tensor, int], Tensor]:
    """Greedy decoding with our model."""
    from modelwright.decoding import DecodingOptions, decode
    from modelwright.models.language import Language

    model = Language(VOCABULARY, **SIZES).to(dtype).eval()

    def generate(ids: Tensor, count: int) -> Tensor:
        found = decode(model, model.start(len(ids)), ids, DecodingOptions(max_tokens=count))
        return torch.cat([ids, torch.tensor([row.ids for row in found])], 1)

    return generate


def huggingface(dtype: torch.dtype) -> Callable[[Tensor, int], Tensor]:
    """`generate` of transformers with the same net."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    config = Qwen3Config(
        vocab_size=VOCABULARY, hidden_size=SIZES["width"], intermediate_size=SIZES["hidden"],
        num_hidden_layers=SIZES["layers"], num_attention_heads=SIZES["heads"], num_key_value_heads=SIZES["groups"],
        head_dim=64, max_position_embeddings=SIZES["context"], tie_word_embeddings=True,
    )  # fmt: skip
    model = Qwen3ForCausalLM(config).to(dtype).eval()
    return lambda ids, count: model.generate(ids, max_new_tokens=count, min_new_tokens=count, do_sample=False)


@torch.inference_mode()
def main(subject: str, precision: str, batch: int) -> None:
    """Decode once to warm up, once for the clock."""
    torch.set_num_threads(task.THREADS)
    torch.manual_seed(0)
    generate = {"ours": ours, "huggingface": huggingface}[subject](
        {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    )
    ids = torch.randint(0, VOCABULARY, (batch, PROMPT))
    generate(ids, 4)
    watch = task.Stopwatch()
    watch.start()
    shape = generate(ids, TOKENS).shape
    watch.stop()
    assert shape == (batch, PROMPT + TOKENS)
    task.answer(rate=batch * TOKENS / watch.seconds)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
