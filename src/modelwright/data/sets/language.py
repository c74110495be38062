"""English and Chinese texts: to be told apart, tagged, or gone on with."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pyarrow as pa

from .. import _csv, _images, _tagged
from .._files import File
from .._stored import Stored
from ..named import Named, Parsed, by_part, delimited

SST2 = (
    Stored(
        "nlp/sst2/train.tsv.gz",
        "6bd7ceeeb9eac01b55c854be40e71bdf4c54849638217b8b4fc2408bf17843af",
        281427,
    ),
    Stored(
        "nlp/sst2/dev.tsv.gz",
        "190402b0a0144b832cd9bd994dc693cff2f6aee24c22a5437938fc3564d51d33",
        37268,
    ),
    Stored(
        "nlp/sst2/test.tsv.gz",
        "e33b978bf9561af553946a8e7f30f945c46ca74a0c1e44c7b5a4cfc17ce22db3",
        75216,
    ),
)
REVIEWS = (
    Stored(
        "nlp/review_polarity/review_polarity.tar.gz",
        "fc0dccc2671af5db3c5d8f81f77a1ebfec953ecdd422334062df61ede36b2179",
        3127238,
    ),
)
CLINC = (
    Stored(
        "nlp/clinc150/data_full.json.gz",
        "59969ccdb9192885f0ca3d475172ca845aa4a41ca0e2881782ba4c3bd37e7dbf",
        283591,
    ),
)
WAIMAI = (
    Stored(
        "nlp/waimai_10k/waimai_10k.csv.gz",
        "ce62b2806e2945c29f136b4ff6dc108718a00c27037eb744ebeec67bfd2c1d28",
        354135,
    ),
)
HOTELS = (
    Stored(
        "nlp/chnsenticorp_htl/ChnSentiCorp_htl_all.csv.gz",
        "b2da7ad1c5dc565718f617cef0237a4a14a5c159037fce5adee082c8ff6de5a1",
        1235762,
    ),
)
SHOPPING = (
    Stored(
        "nlp/online_shopping_10_cats/online_shopping_10_cats.zip",
        "6816ded66fde9d0927ecbd370b5e12d0174d1abac35192ec014ac2a0a8d25858",
        4084428,
    ),
)
RESUME = (
    Stored(
        "nlp/resume_ner/train.char.bmes.gz",
        "bb92bec3a50c2f889d2dc6a332f4e3ffd49106dbb3f292a5c5dbee8f9ce39829",
        148912,
    ),
    Stored(
        "nlp/resume_ner/dev.char.bmes.gz",
        "546dd633762d70954af9b63509dcdebfd182a9cecb82a15a0d9391c0a722e2c1",
        17814,
    ),
    Stored(
        "nlp/resume_ner/test.char.bmes.gz",
        "7e3cf249441c0c30a9eb5a5520982a7ceff0c022bba51e33c119ccb108351844",
        18532,
    ),
)
SHAKESPEARE = (
    Stored(
        "language_modelling/tinyshakespeare/input.txt.gz",
        "13125fe8f49092165d7d489e3944db52d1ba546e64a60080cc9523bcd0c5e46a",
        433884,
        content="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        url="https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt",
    ),
)
SONGCI = (
    Stored(
        "language_modelling/songci/ci_song_json.tar.xz",
        "414352cb6b31b7afce3c3466ed412fa4dccfbb227622594fd7eef6ada1ff333a",
        2257660,
    ),
)


def _sst2(paths: list[Path]) -> Parsed:
    options = {"names": ["text", "label"], "header": False, "delimiter": "\t", "quote": ""}
    return by_part({part: _csv.read(File(path), options)[0] for part, path in enumerate(paths)})


def _tagged_parts(paths: list[Path]) -> Parsed:
    return by_part({part: _tagged.read(File(path)) for part, path in enumerate(paths)})


def _clinc150(paths: list[Path], outside: bool = False) -> Parsed:
    """outside: the setting "full, oos-train" (Larson 2019), with requests of none of the 150 intents in every part."""
    with File(paths[0]).open() as stream:
        found = json.load(stream)
    pairs = [found[name] + (found[f"oos_{name}"] if outside else []) for name in ("train", "val", "test")]
    return by_part({part: pa.table(list(zip(*rows)), names=["text", "intent"]) for part, rows in enumerate(pairs)})


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


SETS = (
    Named("sst2", "9,613 English film review sentences", ("label",), _sst2, SST2),
    Named(
        "review_polarity",
        "2,000 long English film reviews",
        ("label",),
        _review_polarity,
        REVIEWS,
        columns={"fold": {"kind": "drop"}},
    ),
    Named("tinyshakespeare", "1,115,394 characters of Shakespeare's plays", (), _shakespeare, SHAKESPEARE),
    Named("songci", "21,050 Chinese poems of the Song", (), _songci, SONGCI),
    Named("clinc150", "22,500 requests of 150 intents", ("intent",), _clinc150, CLINC),
    Named(
        "clinc150_oos",
        "23,700 requests of 150 intents, and of none of them",
        ("intent",),
        partial(_clinc150, outside=True),
        CLINC,
        columns={"intent": {"kind": "category", "outside": "oos"}},
    ),
    Named("resume_ner", "4,761 sentences of Chinese CVs, 8 entities", ("tags",), _tagged_parts, RESUME),
    Named("waimai", "11,987 Chinese food-delivery reviews", ("label",), delimited, WAIMAI, aliases=("waimai_10k",)),
    Named("chnsenticorp", "7,766 Chinese hotel reviews", ("label",), delimited, HOTELS),
    Named(
        "online_shopping",
        "62,774 Chinese product reviews",
        ("cat", "label"),
        delimited,
        SHOPPING,
        aliases=("online_shopping_10_cats",),
    ),
)
