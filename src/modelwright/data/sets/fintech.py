"""Income and credit."""

from __future__ import annotations

from functools import partial
from pathlib import Path

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


_german = partial(delimited, names=GERMAN_NAMES, header=False)

SETS = (
    Named("adult", "48,842 people, income above 50K", ("income",), _adult, ADULT),
    Named("credit_default", "30,000 card holders", ("default payment",), delimited, CREDIT_DEFAULT),
    Named("german_credit", "1,000 borrowers, 1 good, 2 bad", ("risk",), _german, GERMAN),
)
