"""Tables that much has been written about."""

from __future__ import annotations

from functools import partial

from .._stored import Stored
from ..named import Named, arff_table, delimited

PENDIGITS = (
    Stored(
        "tabular/pendigits/pendigits.arff.gz",
        "1ff8cdcb5fb035aa2fc2cd806c8edb4d9a74ce857fc0c3e07e258d30a81ad369",
        200206,
    ),
)
HOUSING = (
    Stored(
        "tabular/california_housing/housing.csv.gz",
        "b2e79251d5497489c09db2cb6b7771e5cb0b1065198c2611c4f2f3c63403d30c",
        395971,
    ),
)
TITANIC = (
    Stored(
        "tabular/titanic/titanic.csv",
        "4a437fde05fe5264e1701a7387ac6fb75393772ba38bb2c9c566405af5af4bd7",
        60302,
    ),
)
HEART = (
    Stored(
        "tabular/heart_cleveland/heart-c.arff",
        "e423f3346777c3b51f8b7448f88c75d27ae86ee83758f01a27af9ffa3cd7bcfb",
        36213,
        url="https://raw.githubusercontent.com/renatopp/arff-datasets/c59f172882592bb58982cc54d2d3c8a2b57e9b73/classification/heart.c.arff",
    ),
)
RED_WINE = (
    Stored(
        "tabular/wine_quality/winequality-red.csv.gz",
        "0f354f4fb936a0a0e0b05f6af8f97ea0e4541dcc4efbb9b976c4e0569acf8c57",
        22508,
    ),
)
WHITE_WINE = (
    Stored(
        "tabular/wine_quality/winequality-white.csv.gz",
        "8c42973caa9641368001eb73af472aaa99e0f1072389c5e6c5b07ed9cdddf9b1",
        66565,
    ),
)
DIAMONDS = (
    Stored(
        "tabular/diamonds/diamonds.csv.gz",
        "6006ac0c2b9faf681f6cc4a6d8d92d78fa2117e7f8af38cf9d901ab8b9748c15",
        565492,
    ),
)
WINE_NAMES = [
    "fixed_acidity", "volatile_acidity", "citric_acid", "residual_sugar", "chlorides", "free_sulfur_dioxide",
    "total_sulfur_dioxide", "density", "ph", "sulphates", "alcohol", "quality",
]  # fmt: skip

_pendigits = partial(arff_table, train=7494)
_wine = partial(delimited, names=WINE_NAMES, header=False)

SETS = (
    Named("pendigits", "10,992 digits as pen strokes", ("class",), _pendigits, PENDIGITS),
    Named("california_housing", "20,640 districts", ("median_house_value",), delimited, HOUSING),
    Named("titanic", "891 passengers", ("Survived",), delimited, TITANIC),
    Named("heart", "303 patients of Cleveland", ("num",), arff_table, HEART),
    Named("wine_quality_red", "1,599 red wines, marks", ("quality",), _wine, RED_WINE),
    Named("wine_quality_white", "4,898 white wines, marks", ("quality",), _wine, WHITE_WINE),
    Named("diamonds", "53,940 prices", ("price",), delimited, DIAMONDS),
)
