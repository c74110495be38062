"""How much less right a run is with each column shuffled: what permutation shows and selection goes by."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..errors import DataError, unable
from ..significance import holm
from ._faithfulness import interval
from ._opening import Opened

MOST = 2_000  # rows
AT_ONCE = 512


def rank(opened: Opened, index: np.ndarray, repeats: int, seed: int) -> dict[str, dict[str, Any]]:
    """Column -> `loss`, its `interval` and `p`, the most needed first, on the rows `index`."""
    from scipy.stats import t

    if opened.language:
        raise unable("a model that reads columns", opened.run)
    if not opened.has_truth:
        hint = "Give data with it, or another method."
        raise DataError(f"the data do not say what is right: '{opened.target}' is missing.", where="data", hint=hint)
    random = np.random.default_rng(seed)
    index = np.sort(random.permutation(index)[:MOST])
    whole, known = _rightness(opened, index, index, None)
    if known.sum() < 2:
        raise DataError(f"two rows at least must have a '{opened.target}'.", where="data")
    found: dict[str, dict[str, Any]] = {}
    for name in opened.cells():
        shuffled = [_rightness(opened, index, random.permutation(index), name)[0] for _ in range(repeats)]
        loss = (whole - np.mean(shuffled, 0))[known]
        error = loss.std(ddof=1) / np.sqrt(len(loss))
        p = float(t.sf(loss.mean() / error, len(loss) - 1)) if error > 1e-12 else float(loss.mean() <= 0)
        found[name] = {"loss": float(loss.mean()), "interval": interval(loss), "p": p}
    for one, p in zip(found.values(), holm([one["p"] for one in found.values()])):
        one["p"] = p
    return dict(sorted(found.items(), key=lambda item: -item[1]["loss"]))


@torch.inference_mode()
def _rightness(opened: Opened, index: np.ndarray, other: np.ndarray, name: str | None) -> tuple[np.ndarray, np.ndarray]:
    """(N,) how right the rows are with the column `name` of other rows, and whether that is known."""
    key, cells = opened.cells()[name] if name else ("", None)
    found, knowing = [], []
    for start in range(0, len(index), AT_ONCE):
        batch = opened.encoded.batch(index[start : start + AT_ONCE])
        truth, known = opened.answer.truth(batch)
        if name:
            foreign = opened.encoded.batch(other[start : start + AT_ONCE])
            if cells is None:
                batch |= {each: foreign[each] for each in (key, f"{key}.mask") if each in foreign}
            else:
                batch[key] = batch[key].clone()
                batch[key][:, cells] = foreign[key][:, cells]
        found.append(opened.answer.rightness(batch, truth).double())
        knowing.append(known)
    return torch.cat(found).numpy(), torch.cat(knowing).numpy()
