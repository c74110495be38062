"""The verb `generate`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, TextIO

from ..errors import DataError
from ..provenance import recorded


@recorded
def generate(
    run: str,
    *prompts: str,
    file: str | None = None,
    max_tokens: int | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    repetition_penalty: float | None = None,
    beams: int | None = None,
    length_penalty: float | None = None,
    stop: str | None = None,
    samples: int = 1,
    seed: int = 0,
    stream: TextIO | None = None,
) -> Any:
    """Write text: go on with each prompt, or translate it.

    A single text appears while it is written. Of several, a translating run gives each on a line, a language model
    each behind its prompt, with a line of --- between.

    Args:
        run: a run folder
        prompts: beginnings of texts, or texts to translate
        file: a file with one prompt a line, or - for stdin
        max_tokens: at most so many tokens a text (default: 256, or the longest of training)
        temperature: 0 takes the likeliest token, 1 draws as the model says (default: 0.8, or 0 for a translating run)
        top_k: draw among so many likeliest tokens
        top_p: draw among the likeliest tokens that together have this probability
        min_p: draw among tokens at least this share as likely as the likeliest
        repetition_penalty: above 1 tokens that occurred become less likely
        beams: search the likeliest text with so many hypotheses side by side instead of drawing
        length_penalty: hypotheses compete by log probability / tokens ** this; larger favours longer texts
        stop: a text ends before these words
        samples: texts for each prompt
        seed: of what is drawn; a prompt's text does not depend on the prompts beside it
    """
    from ..generation import generate as write
    from ..report import Report
    from ..run import Run

    loaded = Run.load(run)
    given = [*prompts, *(_lines(file) if file else [])]
    single = stream is not None and len(given) == 1 and samples == 1
    is_language = hasattr(loaded.model, "step")
    before = given[:1] if is_language else []  # what a language model goes on with stands before it

    def tell(piece: str) -> None:
        print(*before, piece, sep="", end="", file=stream, flush=True)
        before.clear()

    found = write(
        loaded, given, samples=samples, stop=stop, on_text=tell if single else None, max_tokens=max_tokens,
        temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p, repetition_penalty=repetition_penalty,
        beams=beams, length_penalty=length_penalty, seed=seed,
    )  # fmt: skip
    texts = "\n---\n".join(f"{o.prompt}{o.text}" for o in found) if is_language else "\n".join(o.text for o in found)
    data = {"texts": [vars(one) for one in found]}
    return Report(f"Texts of {run}", data=data, write=lambda: print("" if single else texts))


def _lines(file: str) -> list[str]:
    """The lines of a file or of stdin."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read ({getattr(error, 'strerror', None) or error}).", where=file) from None
    return text.splitlines()
