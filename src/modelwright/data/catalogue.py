"""Data sets by name: which files, how they are read, what is usually asked of them, and the official split.

Bundled ones come with scikit-learn. The others are found below `$MODELWRIGHT_DATA` or in the cache, where `download.py`
puts them. Those of a field may have a file of their own in `sets/`.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import pkgutil
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import DataError, did_you_mean
from . import _bundled, _csv, _idx, _images, _stored, _tagged, sets
from ._files import File
from .named import Named, Parsed, arff_table, by_part, delimited


def names() -> list[str]:
    """Every name, sorted."""
    return sorted(_all())


def find(name: str) -> Named:
    """The data set of a name. Raises DataError with the nearest names."""
    if name not in _all():
        raise DataError(f"there is no data set '{name}'.", hint=did_you_mean(name, names()))
    return _all()[name]


def _mnist(paths: list[Path]) -> Parsed:
    return by_part({0: _idx.table(paths[0]), 2: _idx.table(paths[2])})


def _cifar10(paths: list[Path]) -> Parsed:
    return by_part({0: _images.archive_table(paths[0])[0], 2: _images.archive_table(paths[1])[0]})


def _gtsrb(paths: list[Path]) -> Parsed:
    tables = {}
    for part, place in ((0, 0), (2, 2)):
        table = _csv.read(File(paths[place]), {})[0]
        tables[part] = _images.with_bytes(table, "image", _images.archive(paths[place + 1]))
    return by_part(tables)


def _adult(paths: list[Path]) -> Parsed:
    options = {"names": ADULT_NAMES, "header": False, "skip_spaces": True}
    tables = {part: _csv.read(File(path), options)[0] for part, path in ((0, paths[0]), (2, paths[1]))}
    test = tables[2]
    tables[2] = test.set_column(14, "income", pc.utf8_rtrim(test.column("income"), "."))  # a slip of the test file
    return by_part(tables)


def _sst2(paths: list[Path]) -> Parsed:
    options = {"names": ["text", "label"], "header": False, "delimiter": "\t", "quote": ""}
    return by_part({part: _csv.read(File(path), options)[0] for part, path in enumerate(paths)})


def _tagged_parts(paths: list[Path]) -> Parsed:
    return by_part({part: _tagged.read(File(path)) for part, path in enumerate(paths)})


def _clinc150(paths: list[Path]) -> Parsed:
    with File(paths[0]).open() as stream:
        found = json.load(stream)
    pairs = {part: found[name] for part, name in enumerate(("train", "val", "test"))}
    return by_part({part: pa.table(list(zip(*rows)), names=["text", "intent"]) for part, rows in pairs.items()})


def _shakespeare(paths: list[Path]) -> Parsed:
    with File(paths[0]).open() as stream:
        return pa.table({"text": [stream.read().decode()]}), None


def _songci(paths: list[Path]) -> Parsed:
    """A text a poem: the name of its tune, then its lines; the last two files are the test part, the one before them validation."""
    files = _images.archive(paths[0], lambda name: name.endswith(".json"))
    ordered = sorted(files, key=lambda name: int(name.split(".")[-2]))
    tables = [
        pa.table({"text": ["\n".join([p["rhythmic"], *p["paragraphs"]]) for p in json.loads(files[name])]})
        for name in ordered
    ]
    return by_part({0: pa.concat_tables(tables[:-3]), 1: tables[-3], 2: pa.concat_tables(tables[-2:])})


def _review_polarity(paths: list[Path]) -> Parsed:
    """With the official fold of each review, which its name says: cv000 to cv099 are fold 0 (Pang 2004)."""
    files = _images.archive(paths[0], lambda name: name.endswith(".txt"))
    ordered = sorted(map(Path, files), key=lambda path: path.name)
    texts = pa.array([files[path.as_posix()].decode("latin-1") for path in ordered], pa.string())
    labels = [path.parent.name for path in ordered]
    return pa.table({"text": texts, "label": labels, "fold": [int(path.name[2:5]) // 100 for path in ordered]}), None


def _multi30k(paths: list[Path]) -> Parsed:
    lines = []
    for path in paths:
        with File(path).open() as stream:
            lines.append(stream.read().decode("utf-8").rstrip("\n").split("\n"))
    return by_part({part: pa.table({"en": lines[2 * part], "de": lines[2 * part + 1]}) for part in range(3)})


def _tatoeba(paths: list[Path]) -> Parsed:
    """By the sha1 of the English side: no English sentence is in two parts."""
    with File(paths[0]).open() as stream:
        lines = stream.read().decode("utf-8-sig").split("\n")
    pairs = [line.split("\t")[:2] for line in lines if line.strip()]
    table = pa.table(list(zip(*pairs)), names=["english", "chinese"])
    place = [int(hashlib.sha1(english.encode()).hexdigest(), 16) % 20 for english, _ in pairs]
    return table, np.array([{0: 2, 1: 1}.get(number, 0) for number in place], np.int8)


ADULT_NAMES = [
    "age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation", "relationship", "race",
    "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country", "income",
]  # fmt: skip
GERMAN_NAMES = [
    "checking_status", "months", "credit_history", "purpose", "amount", "savings", "employment", "installment_rate",
    "personal_status", "other_debtors", "residence_since", "property", "age", "other_installments", "housing",
    "existing_credits", "job", "dependents", "telephone", "foreign_worker", "risk",
]  # fmt: skip
WINE_NAMES = [
    "fixed_acidity", "volatile_acidity", "citric_acid", "residual_sugar", "chlorides", "free_sulfur_dioxide",
    "total_sulfur_dioxide", "density", "ph", "sulphates", "alcohol", "quality",
]  # fmt: skip


@cache
def _all() -> dict[str, Named]:
    def bundled(name: str, about: str, target: str, make: Callable[[], pa.Table]) -> Named:
        return Named(name, about, (target,), lambda _: (make(), None))

    wine = partial(delimited, names=WINE_NAMES, header=False)
    german = partial(delimited, names=GERMAN_NAMES, header=False)
    splice = partial(arff_table, drop=("Instance_name",))
    esol = partial(delimited, drop=("ESOL predicted log solubility in mols per litre",))
    solubility = "measured log solubility in mols per litre"
    authors = ("Tatoeba is CC BY 2.0 FR: the authors of each pair stand in the third column of its file.",)
    tracks = ("Images of one `track` show the same sign: take the validation part by group, `column: track`.",)
    found = [
        bundled("digits", "1,797 handwritten digits, 8 x 8 grey", "label", _bundled.digits),
        Named("digit_strips", "5,000 strips of 4 to 6 digits", ("text",), lambda _: _bundled.digit_strips()),
        bundled("iris", "150 flowers of 3 species", "species", partial(_bundled.classed, "iris")),
        bundled("wine", "178 wines of 3 growers", "class", partial(_bundled.classed, "wine")),
        bundled("breast_cancer", "569 tumours", "diagnosis", partial(_bundled.classed, "breast_cancer")),
        bundled("diabetes", "442 patients, progression after a year", "progression", _bundled.diabetes),
        Named("mnist", "70,000 handwritten digits, 28 x 28 grey", ("label",), _mnist, _stored.MNIST),
        Named("cifar10", "60,000 pictures of 10 classes, 32 x 32, as JPEG", ("label",), _cifar10, _stored.CIFAR10),
        Named("gtsrb", "7,079 German traffic signs, 32 x 32", ("class_id",), _gtsrb, _stored.GTSRB, tracks),
        Named("adult", "48,842 people, income above 50K", ("income",), _adult, _stored.ADULT),
        Named("sst2", "9,613 English film review sentences", ("label",), _sst2, _stored.SST2),
        Named(
            "review_polarity",
            "2,000 long English film reviews",
            ("label",),
            _review_polarity,
            _stored.REVIEWS,
            columns={"fold": {"kind": "drop"}},
        ),
        Named("tinyshakespeare", "1,115,394 characters of Shakespeare's plays", (), _shakespeare, _stored.SHAKESPEARE),
        Named("songci", "21,050 Chinese poems of the Song", (), _songci, _stored.SONGCI),
        Named("clinc150", "22,500 requests of 150 intents", ("intent",), _clinc150, _stored.CLINC),
        Named("resume_ner", "4,761 sentences of Chinese CVs, 8 entities", ("tags",), _tagged_parts, _stored.RESUME),
        Named("waimai", "11,987 Chinese food-delivery reviews", ("label",), delimited, _stored.WAIMAI),
        Named("chnsenticorp", "7,766 Chinese hotel reviews", ("label",), delimited, _stored.HOTELS),
        Named("online_shopping", "62,774 Chinese product reviews", ("cat", "label"), delimited, _stored.SHOPPING),
        Named(
            "pendigits", "10,992 digits as pen strokes", ("class",), partial(arff_table, train=7494), _stored.PENDIGITS
        ),
        Named("california_housing", "20,640 districts", ("median_house_value",), delimited, _stored.HOUSING),
        Named("titanic", "891 passengers", ("Survived",), delimited, _stored.TITANIC),
        Named("heart", "303 patients of Cleveland", ("num",), arff_table, _stored.HEART),
        Named("wine_quality_red", "1,599 red wines, marks", ("quality",), wine, _stored.RED_WINE),
        Named("wine_quality_white", "4,898 white wines, marks", ("quality",), wine, _stored.WHITE_WINE),
        Named("diamonds", "53,940 prices", ("price",), delimited, _stored.DIAMONDS),
        Named("credit_default", "30,000 card holders", ("default payment",), delimited, _stored.CREDIT_DEFAULT),
        Named("german_credit", "1,000 borrowers, 1 good, 2 bad", ("risk",), german, _stored.GERMAN),
        Named("splice", "3,190 DNA sequences of 60 bases", ("Class",), splice, _stored.SPLICE),
        Named("promoters", "106 DNA sequences of 57 bases", ("Class",), delimited, _stored.PROMOTERS),
        Named("ecoli", "336 proteins and their place", ("class",), arff_table, _stored.ECOLI),
        Named("esol", "1,128 molecules, solubility", (solubility,), esol, _stored.ESOL),
        Named("kr_vs_kp", "3,196 chess endgames", ("class",), arff_table, _stored.KR_VS_KP),
        Named("multi30k", "31,014 captions of pictures, English and German", ("de",), _multi30k, _stored.MULTI30K),
        Named("tatoeba", "29,155 English sentences in Chinese", ("chinese",), _tatoeba, _stored.TATOEBA, authors),
        Named("tic_tac_toe", "958 finished games", ("Class",), arff_table, _stored.TIC_TAC_TOE),
    ]
    aliases = {"cifar10_jpeg": "cifar10", "waimai_10k": "waimai", "online_shopping_10_cats": "online_shopping"}
    for module in pkgutil.iter_modules(sets.__path__):
        found += importlib.import_module(f"{sets.__name__}.{module.name}").SETS
    by_name = {named.name: named for named in found}
    return {**by_name, **{alias: by_name[name] for alias, name in aliases.items()}}
