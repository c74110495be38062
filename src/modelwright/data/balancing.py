"""How much more often the rows of rare target values are drawn in training. Knows no recipe and no order of rows."""

from __future__ import annotations

import numpy as np

from ..errors import UserError


def weights(codes: np.ndarray, *, bins: int = 20, share: float = 1.0) -> np.ndarray:
    """(N,) what each row weighs when rows are drawn, by the encoded values of one target: class codes, 0 and 1, or numbers, which
    are put into `bins` of equal width between their outermost hundredths.

    A row weighs 1 / (rows of its class or bin) ** share: with 1 all of them are drawn equally often, with 0 rows are.
    Rows without a value are one class more. Raises UserError for targets that are not one value a row.
    """
    if not isinstance(codes, np.ndarray) or codes.ndim != 1:
        raise UserError("only a target of classes or of numbers can be balanced.", where="train.balance.target")
    if codes.dtype.kind == "f":
        known = np.isfinite(codes)
        low, high = np.quantile(codes[known], [0.01, 0.99]).tolist()
        edges = np.linspace(low, high, bins + 1)[1:-1]
        codes = np.where(known, np.searchsorted(edges, np.nan_to_num(codes), side="right"), -1)
    _, place, counts = np.unique(codes, return_inverse=True, return_counts=True)
    return counts[place] ** -float(share)
