"""The small data sets that scikit-learn carries, read from its files; scikit-learn itself is not imported (slow)."""

from __future__ import annotations

import gzip
import io
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from ..errors import MissingExtra
from . import _frames

CELL_MEASURES = (
    "radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points", "symmetry",
    "fractal dimension",
)  # fmt: skip
FEATURES = {
    "iris": ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"),
    "wine": (
        "alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids",
        "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280/od315_of_diluted_wines", "proline",
    ),
    "breast_cancer": tuple(
        [f"mean {name}" for name in CELL_MEASURES]
        + [f"{name} error" for name in CELL_MEASURES]
        + [f"worst {name}" for name in CELL_MEASURES]
    ),
    "diabetes": ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
}  # fmt: skip
CLASSED = {
    "iris": ("iris.csv", "species"),
    "wine": ("wine_data.csv", "class"),
    "breast_cancer": ("breast_cancer.csv", "diagnosis"),
}


def _bytes(name: str) -> bytes:
    spec = find_spec("sklearn")  # finds the package's folder without running its code
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra("scikit-learn", "dev")
    raw = (Path(spec.submodule_search_locations[0]) / "datasets" / "data" / name).read_bytes()
    return gzip.decompress(raw) if name.endswith(".gz") else raw


def classed(name: str) -> pa.Table:
    """iris, wine or breast_cancer: measures and the name of the class. The file's first line holds counts and names."""
    file, target = CLASSED[name]
    raw = _bytes(file)
    classes = raw.split(b"\n", 1)[0].decode().strip().split(",")[2:]
    options = arrow_csv.ReadOptions(skip_rows=1, column_names=[*FEATURES[name], target])
    table = arrow_csv.read_csv(io.BytesIO(raw), options)
    names = pa.array(classes, pa.string()).take(table.column(target).combine_chunks())
    return table.set_column(table.num_columns - 1, target, names)


def digits() -> pa.Table:
    """1,797 handwritten digits, 8 x 8, spread from 0-16 to 0-255; the label is the digit."""
    values = np.loadtxt(io.BytesIO(_bytes("digits.csv.gz")), delimiter=",", dtype=np.int64)
    images = np.rint(values[:, :64] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8)
    return pa.table({"image": _frames.tensors(images), "label": pa.array(values[:, 64])})


def digit_strips() -> tuple[pa.Table, np.ndarray]:
    """5,000 strips of 4 to 6 handwritten digits, 8 x 56, and what they read; the three parts share no digit's picture."""
    table, random = digits(), np.random.default_rng(0)
    pictures = np.array(table.column("image").combine_chunks().to_numpy_ndarray())
    labels, strips, texts = table.column("label").to_numpy(), [], []
    shares = ((0, 1297, 4000), (1297, 1497, 400), (1497, 1797, 600))
    for low, high, count in shares:
        for _ in range(count):
            chosen = random.integers(low, high, random.integers(4, 7))
            strip, place = np.zeros((8, 56), np.uint8), 0
            for left, digit in zip(range(len(chosen), 0, -1), chosen):
                place += int(random.integers(0, (56 - place - 8 * left) // left + 1))
                strip[:, place : place + 8] = pictures[digit]
                place += 8
            strips.append(strip)
            texts.append("".join(map(str, labels[chosen])))
    part = np.repeat(np.arange(3, dtype=np.int8), [count for *_, count in shares])
    return pa.table({"image": _frames.tensors(np.stack(strips)), "text": texts}), part


def diabetes() -> pa.Table:
    """442 patients, measures in their units; `progression` after one year is the target."""
    values = np.loadtxt(io.BytesIO(_bytes("diabetes_data_raw.csv.gz")))
    target = np.loadtxt(io.BytesIO(_bytes("diabetes_target.csv.gz")))
    columns = {name: values[:, place] for place, name in enumerate(FEATURES["diabetes"])}
    return pa.table({**columns, "progression": target})
