"""Pictures."""

from __future__ import annotations

from pathlib import Path

from .. import _csv, _idx, _images
from .._files import File
from .._stored import Stored
from ..named import Named, Parsed, by_part

MNIST = (
    Stored(
        "vision/mnist/train-images-idx3-ubyte.gz",
        "71524e2cd1ad2968737f7f2f2ff69cbfc32df8ccddff51593f7cb2d4e0eb5b64",
        9630610,
        content="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        url="https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz",
    ),
    Stored(
        "vision/mnist/train-labels-idx1-ubyte.gz",
        "fe03b8bd7915f70bf5aa08be480aa413fbd85afcaa58b35d230d335f284fd88e",
        28878,
        content="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        url="https://ossci-datasets.s3.amazonaws.com/mnist/train-labels-idx1-ubyte.gz",
    ),
    Stored(
        "vision/mnist/t10k-images-idx3-ubyte.gz",
        "5634745efa576a17e7d4cf5cd9d09123c75e6538e5114267c2d156edaf519341",
        1602050,
        content="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        url="https://ossci-datasets.s3.amazonaws.com/mnist/t10k-images-idx3-ubyte.gz",
    ),
    Stored(
        "vision/mnist/t10k-labels-idx1-ubyte.gz",
        "ae18e77e031ccde52407f794d123116439864147d33ac992975f85dd4dc42af6",
        4517,
        content="ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        url="https://ossci-datasets.s3.amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz",
    ),
)
CIFAR10 = (
    Stored(
        "vision/cifar10_jpeg/train.tar.xz",
        "5a8a513f05d4664af49c35a2f13589057be3c66fbba92ca28f18fe982058d60a",
        15469080,
    ),
    Stored(
        "vision/cifar10_jpeg/test.tar.xz",
        "7577d129a157e22c6b487736768809f4f514a5fb52dd54a3f8b1ce47b0813dda",
        3099708,
    ),
)
GTSRB = (
    Stored(
        "driving/gtsrb32/train.csv",
        "9588fb06de1cbfbc2f25cd150609c916194dd5c776aa400ca01436f935f3eeec",
        167157,
    ),
    Stored(
        "driving/gtsrb32/train.zip",
        "e8362bd3741b15d7153895cb7bc2e2901c1e14a91c9b9c6332abb3136f32d35f",
        8502971,
    ),
    Stored(
        "driving/gtsrb32/test.csv",
        "7b422ba62f2470592f4ffba31d90240189ace9e86a768938b093779494b373f1",
        58830,
    ),
    Stored(
        "driving/gtsrb32/test.zip",
        "0537c0181f9479e605d7f3e8fa476bb187179cf931ceee203b76b04b52808a0e",
        6777983,
    ),
)
TRACKS = ("Images of one `track` show the same sign: take the validation part by group, `column: track`.",)


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


SETS = (
    Named("mnist", "70,000 handwritten digits, 28 x 28 grey", ("label",), _mnist, MNIST),
    Named(
        "cifar10",
        "60,000 pictures of 10 classes, 32 x 32, as JPEG",
        ("label",),
        _cifar10,
        CIFAR10,
        aliases=("cifar10_jpeg",),
    ),
    Named("gtsrb", "7,079 German traffic signs, 32 x 32", ("class_id",), _gtsrb, GTSRB, TRACKS),
)
