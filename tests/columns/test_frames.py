from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from modelwright.columns import infer
from modelwright.data.reading import read

SHOTS = np.random.default_rng(0).integers(0, 256, (5, 3, 4, 3), np.uint8)
PAIRS = [(0, 0), (0, 1), (1, 2), (2, 3)]
STACKED = np.array([np.concatenate([SHOTS[a], SHOTS[b]], -1) for a, b in PAIRS])


def png(pixels: np.ndarray) -> bytes:
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "PNG")
    return held.getvalue()


@pytest.mark.parametrize(
    "values",
    [
        pa.array([[png(SHOTS[a]), png(SHOTS[b])] for a, b in PAIRS]),
        pa.array([[{"bytes": png(SHOTS[i]), "path": ""} for i in pair] for pair in PAIRS]),
        pa.array([[SHOTS[a].tolist(), SHOTS[b].tolist()] for a, b in PAIRS]),
    ],
    ids=["png", "structs", "pixels"],
)
def test_a_row_is_its_pictures_one_after_the_other(fitted, values):
    column = fitted("frames", values)
    assert np.array_equal(column.encode(values), STACKED)
    one = fitted("image", pa.array([png(shot) for shot in SHOTS[[i for pair in PAIRS for i in pair]]]))
    assert column.sizes()["channels"] == 6 and np.allclose(column.sizes()["mean"], one.mean * 2)
    assert np.allclose(column.sizes()["deviation"], one.deviation * 2)


def test_the_last_ones_are_kept_and_the_first_stands_for_those_before(fitted):
    cells = [[png(SHOTS[i]) for i in row] for row in ([0, 1], [1, 2], [0, 1, 2, 3], [4], [])]
    column = fitted("frames", pa.array([*cells, None]))
    shown = column.encode(pa.array([*cells, None]))
    assert np.array_equal(shown[2], np.concatenate([SHOTS[2], SHOTS[3]], -1))
    assert np.array_equal(shown[3], np.concatenate([SHOTS[4], SHOTS[4]], -1))
    assert not shown[4:].any() and not column.problems


def test_a_broken_picture_is_black_and_named_by_its_row(fitted):
    values = pa.array([[png(SHOTS[0]), png(SHOTS[1])], [b"no picture", png(SHOTS[2])]])
    column = fitted("frames", values)
    shown = column.encode(values)
    assert not shown[1, ..., :3].any() and np.array_equal(shown[1, ..., 3:], SHOTS[2])
    assert "1 of 4 images cannot be read" in column.problems[0] and "row 1," in column.problems[0]


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_tables_name_them_with_a_stroke_between_or_as_lists(tmp_path, fitted, name):
    (tmp_path / "shots").mkdir()
    for place, shot in enumerate(SHOTS):
        Image.fromarray(shot).save(tmp_path / "shots" / f"{place}.png")
    names = [[f"shots/{i}.png" for i in pair] for pair in PAIRS]
    if name.endswith("csv"):
        lines = ["camera,turn", *(f"{'|'.join(row)},{place}" for place, row in enumerate(names))]
    else:
        lines = [json.dumps({"camera": row, "turn": place}) for place, row in enumerate(names)]
    (tmp_path / name).write_text("\n".join(lines) + "\n")
    table = read(tmp_path / name).table
    found = infer(table, ["turn"])["camera"]
    assert found.kind == "frames" and "names of image files" in found.reason
    assert np.array_equal(fitted("frames", table["camera"]).encode(table["camera"]), STACKED)
