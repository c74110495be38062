"""Named data sets in the order of time."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from .._stored import Stored
from ..named import Named, Parsed, delimited

COUNTRIES = ["Australia", "Britain", "Canada", "Switzerland", "China", "Japan", "New Zealand", "Singapore"]
MONTH = 30 * 24  # hours, as every paper on these data counts
ETTH1 = Stored(
    "timeseries/ett/ETTh1.csv.gz",
    "f1141f82f9d46968f05afa77ba16abfc4f790fe07583f9de06bb685b29a5411f",
    405601,
)
EXCHANGE = Stored(
    "timeseries/exchange_rate/exchange_rate.txt.gz",
    "6a4fbb561dcdee43f071a83badbeec9223a335552278348656738b556f1c2e9d",
    177142,
)


def _etth1(paths: list[Path]) -> Parsed:
    """12, 4 and 4 months; the rows behind them are in no part."""
    table, _ = delimited(paths)
    month = np.arange(len(table)) // MONTH
    return table, np.select([month < 12, month < 16, month < 20], [0, 1, 2], -1).astype(np.int8)


SETS: tuple[Named, ...] = (
    Named("etth1", "17,420 hours of an electricity transformer, 7 channels", ("OT",), _etth1, (ETTH1,)),
    Named(
        "exchange_rate",
        "7,588 days of 8 exchange rates",
        ("Singapore",),
        partial(delimited, names=COUNTRIES, header=False),
        (EXCHANGE,),
    ),
)
