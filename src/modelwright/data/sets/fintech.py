"""Income and credit, and series in the order of time."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from .. import _csv
from .._files import File
from .._stored import Stored
from ..named import Named, Parsed, by_part, delimited

ADULT = (
    Stored(
        "fintech/adult/adult-train.csv.gz",
        "fb9b6b419c38dd70d75d31f014b7f0905bf76e9625473c593455e31679a93184",
        409337,
    ),
    Stored(
        "fintech/adult/adult-test.csv.gz",
        "d16c978b95fe8ecec94dec57782a85ed9720c507d93a4608e8f182a8e6378d4a",
        205487,
    ),
)
CREDIT_DEFAULT = (
    Stored(
        "fintech/credit_default/credit-card-clients.csv.gz",
        "88d6f17ff9eef9762a198f4dfb07d1b0b47734a8cf8c8d34fdbdca26c7ae2ac3",
        912457,
    ),
)
GERMAN = (
    Stored(
        "fintech/german_credit/german.csv.gz",
        "58804d9ae43946473625735ddd43204d4df94f15af829615690d5fb1b8d97c51",
        12728,
    ),
)
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
COUNTRIES = ["Australia", "Britain", "Canada", "Switzerland", "China", "Japan", "New Zealand", "Singapore"]
MONTH = 30 * 24  # hours, as every paper on these data counts
ADULT_NAMES = [
    "age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation", "relationship", "race",
    "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country", "income",
]  # fmt: skip
GERMAN_NAMES = [
    "checking_status", "months", "credit_history", "purpose", "amount", "savings", "employment", "installment_rate",
    "personal_status", "other_debtors", "residence_since", "property", "age", "other_installments", "housing",
    "existing_credits", "job", "dependents", "telephone", "foreign_worker", "risk",
]  # fmt: skip


def _adult(paths: list[Path]) -> Parsed:
    options = {"names": ADULT_NAMES, "header": False, "skip_spaces": True}
    tables = {part: _csv.read(File(path), options)[0] for part, path in ((0, paths[0]), (2, paths[1]))}
    test = tables[2]
    tables[2] = test.set_column(14, "income", pc.utf8_rtrim(test.column("income"), "."))  # a slip of the test file
    return by_part(tables)


def _etth1(paths: list[Path]) -> Parsed:
    """12, 4 and 4 months; the rows behind them are in no part."""
    table, _ = delimited(paths)
    month = np.arange(len(table)) // MONTH
    return table, np.select([month < 12, month < 16, month < 20], [0, 1, 2], -1).astype(np.int8)


_exchange_rate = partial(delimited, names=COUNTRIES, header=False)
_german = partial(delimited, names=GERMAN_NAMES, header=False)

SETS = (
    Named("adult", "48,842 people, income above 50K", ("income",), _adult, ADULT),
    Named("credit_default", "30,000 card holders", ("default payment",), delimited, CREDIT_DEFAULT),
    Named("german_credit", "1,000 borrowers, 1 good, 2 bad", ("risk",), _german, GERMAN),
    Named("etth1", "17,420 hours of an electricity transformer, 7 channels", ("OT",), _etth1, (ETTH1,)),
    Named("exchange_rate", "7,588 days of 8 exchange rates", ("Singapore",), _exchange_rate, (EXCHANGE,)),
)
