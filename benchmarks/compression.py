"""What few bits save and gain: `compression.py decoder|large|onnx|perplexity [RUN]`, one JSON object.

`decoder`: a decoder of 13 million weights (4 layers, width 512), one text, greedy, in float32, int8 and int4.
`large`: 124 million weights, int8 against transformers' `generate` in float32.
`onnx RUN`: a language model's run in ONNX Runtime, float32, int8 and int4, 64 tokens.
`perplexity RUN`: a language model's run on its test part, float32, int8 and int4 with and without error feedback.

The subjects take turns; a ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import copy
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import decoding
import task
import torch
from torch import Tensor, nn

from modelwright import parts, transforms
from modelwright.decoding import DecodingOptions, decode
from modelwright.models.language import Language

SMALL = {"width": 512, "layers": 4, "heads": 8, "hidden": 1408, "context": 512, "tied": True}
VOCABULARY, PROMPT, TOKENS, ROUNDS = 2048, 16, 64, 7
STEPS: dict[str, list[dict[str, Any]]] = {
    "fp32": [],
    "int8": [{"kind": "int8"}],
    "int8 dynamic": [{"kind": "int8", "activations": "dynamic"}],
    "int4": [{"kind": "int4", "group": 64}, {"kind": "int8"}],
}


def rates(subjects: dict[str, Callable[[], Any]], work: int, rounds: int = ROUNDS) -> dict[str, Any]:
    """Of each subject the median of `work` a second, and of its ratio to the first."""
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for subject in subjects.values():
        subject()
    for _ in range(rounds):
        for name, subject in subjects.items():
            began = time.perf_counter()
            subject()
            seconds[name].append(time.perf_counter() - began)
    first = next(iter(seconds.values()))
    return {
        name: {
            "a second": round(work / statistics.median(found), 1),
            "ratio": round(statistics.median(a / b for a, b in zip(first, found)), 2),
        }
        for name, found in seconds.items()
    }


def size(model: nn.Module) -> int:
    """Bytes of the state, as a file holds them."""
    return sum(value.numel() * value.element_size() for value in model.state_dict().values())


def filled(model: Language) -> Language:
    """With weights everywhere: some begin as zeros, which would take no room."""
    for weight in model.parameters():
        if weight.ndim > 1:
            weight.normal_(std=weight.shape[1] ** -0.5)
    return model.eval()


def greedy(model: Any, ids: Tensor) -> Callable[[], Any]:
    return lambda: decode(model, model.start(len(ids)), ids, DecodingOptions(max_tokens=TOKENS))


def decoder() -> dict[str, Any]:
    """Native decoding in few bits."""
    plain = filled(Language(VOCABULARY, **SMALL))
    ids = torch.randint(0, VOCABULARY, (1, PROMPT))
    models = {name: transforms.replay(copy.deepcopy(plain), steps) for name, steps in STEPS.items()}
    found = rates({name: greedy(model, ids) for name, model in models.items()}, TOKENS)
    for name, model in models.items():
        found[name] |= {"bytes": size(model), "smaller": round(size(plain) / size(model), 2)}
    return {"weights": sum(weight.numel() for weight in plain.parameters()), **found}


def large() -> dict[str, Any]:
    """The net of decoding.py."""
    theirs = decoding.huggingface(torch.float32)
    ours = filled(Language(decoding.VOCABULARY, **decoding.SIZES))
    ids = torch.randint(0, decoding.VOCABULARY, (1, PROMPT))
    subjects = {"transformers fp32": lambda: theirs(ids, TOKENS), "fp32": greedy(ours, ids)}
    for name in ("int8", "int4"):
        subjects[name] = greedy(transforms.replay(copy.deepcopy(ours), STEPS[name]), ids)
    return rates(subjects, TOKENS, 3)


def onnx(run: str) -> dict[str, Any]:
    """A run's graph in ONNX Runtime; `error` is the distance of its logits from the run's."""
    from modelwright.exporters.onnx import export, feed, start
    from modelwright.run import Run

    loaded, found, subjects = Run.load(run), {}, {}
    ids = torch.randint(0, loaded.model.vocabulary, (1, 64))
    subjects["torch fp32"] = lambda: loaded.model.logits(ids)
    with tempfile.TemporaryDirectory() as folder:
        for bits in (None, "int8", "int4"):
            done = export(loaded, Path(folder) / f"{bits}.onnx", quantize=bits, rows=32)
            found[str(bits or "fp32")] = {"bytes": done.bytes, "error": float(f"{done.error:.3g}")}
            session = start(done.path, task.THREADS)
            subjects[str(bits or "fp32")] = lambda session=session: session.run(None, feed({"ids": ids}))
        speeds = rates({name: subjects[name] for name in ("fp32", "int8", "int4", "torch fp32")}, 64, 15)
    return {name: speed | found.get(name, {}) for name, speed in speeds.items()}


def perplexity(run: str) -> dict[str, Any]:
    """A run's test part."""
    from modelwright.compression._work import Work
    from modelwright.run import Run

    loaded, found = Run.load(run), {}
    steps: dict[str, Any] = {
        "fp32": None, "int8": "int8", "int8 dynamic": {"kind": "int8", "activations": "dynamic"},
        "int4 rounded": {"kind": "int4", "feedback": False}, "int4": {"kind": "int4", "rows": 128},
        "wanda": "wanda", "wanda 2:4": {"kind": "wanda", "pattern": "2:4"},
    }  # fmt: skip
    for name, step in steps.items():
        work = Work(loaded)
        if step:
            parts.build("compression", step).apply(work)
        score = work.score(2 if "test" in work.prepared.tokens else 1)
        found[name] = {"perplexity": round(score["perplexity"], 4), "bytes": size(work.model)}
        print(name, found[name], file=sys.stderr, flush=True)
    return found


if __name__ == "__main__":
    torch.set_num_threads(task.THREADS)
    torch.manual_seed(0)
    with torch.inference_mode():
        subject = {"decoder": decoder, "large": large, "onnx": onnx, "perplexity": perplexity}[sys.argv[1]]
        print(json.dumps(subject(*sys.argv[2:])))
