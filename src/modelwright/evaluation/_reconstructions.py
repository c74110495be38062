"""Blocks of what was written again: pictures beside their originals, samples, and the rows that surprise most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..report import Block, Image, Section
from ._mistakes import Examples, picture, raw_rows
from ._targets import numbers

_MOST = 10


def reconstruction_blocks(
    name: str,
    scores: Mapping[str, Any],
    predicted: Mapping[str, np.ndarray],
    examples: Examples,
    samples: np.ndarray | None = None,
    between: np.ndarray | None = None,
) -> list[Block]:
    """Scores, pictures and the most surprising rows of one target that is an input too.

    predicted: `picture` (N, H, W, C), and where they are known the nats of each row. samples: pictures drawn from the
    prior. between: pictures on the way between two rows.
    """
    found: list[Block] = [Section(f"Test: {name}"), *numbers(scores)]
    surprise = next((-values for key, values in predicted.items() if key.startswith("bound_")), predicted.get("loss"))
    worst: Any = [] if surprise is None else np.argsort(-surprise, kind="stable")[:_MOST]
    if "picture" in predicted and name in examples.pictures:
        originals, written = examples.pictures[name], predicted["picture"]

        def pairs(places: Any) -> list[tuple[np.ndarray, str]]:
            rows = [int(examples.rows[place]) for place in places]
            told = [
                f"row {row}" + (f": {surprise[place]:.1f} nats" if surprise is not None else "")
                for row, place in zip(rows, places)
            ]
            return [
                (np.concatenate([originals[row], written[place]], 1), text)
                for row, place, text in zip(rows, places, told)
            ]

        note = "Left the original, right what the model writes from its latents."
        found.append(_images("Reconstructions", pairs(range(min(_MOST, len(written)))), note))
        found.append(_images("Most surprising", pairs(worst), note))
    elif len(worst):
        lines = [[int(examples.rows[place]), float(surprise[place])] for place in worst]  # type: ignore[index]
        found += raw_rows("Most surprising rows", ["row", "nats"], lines, examples)
    if samples is not None:
        found.append(_images("Samples", [(each, "") for each in samples], "Written from draws of the prior."))
    if between is not None:
        note = "Written from latents on the straight way from one row to another."
        found.append(_images("Interpolation", [(each, "") for each in between], note))
    return found


def _images(title: str, pictures: list[tuple[np.ndarray, str]], note: str) -> Image:
    return Image(title, [(picture(pixels), caption) for pixels, caption in pictures], note=note)
