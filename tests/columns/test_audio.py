"""Recordings of every sort become the same samples; what is wrong with them is said, never raised."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest

from modelwright.columns import infer
from modelwright.errors import DataError

soundfile = pytest.importorskip("soundfile")
RATE = 8000


def tone(seconds=0.5, rate=RATE, pitch=440.0, peak=0.5):
    return peak * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)


def encoded(samples, rate=RATE, form="WAV", subtype="PCM_16") -> bytes:
    held = io.BytesIO()
    soundfile.write(held, samples, rate, format=form, subtype=subtype)
    return held.getvalue()


TONE = np.rint(tone() * 32768).astype(np.int16)


@pytest.mark.parametrize(
    "cell",
    [
        encoded(TONE),
        {"bytes": encoded(TONE), "path": "x.wav"},
        {"array": (TONE / 32768).tolist(), "sampling_rate": RATE},
        encoded(TONE, form="FLAC"),
        encoded(TONE, subtype="PCM_24"),
        encoded(TONE / 32768, subtype="FLOAT"),
        encoded(np.stack([TONE, TONE], 1)),
        TONE.tolist(),
        (TONE / 32768).tolist(),
        [TONE.tolist(), TONE.tolist()],
    ],
    ids=["wav", "struct", "array", "flac", "24 bits", "float", "stereo", "whole numbers", "numbers", "channels"],
)
def test_every_sort_of_cell_gives_the_same_samples(fitted, cell):
    column = fitted("audio", pa.array([cell]), rate=RATE)
    assert np.array_equal(column.encode(pa.array([cell, cell])).row(1), TONE)
    assert column.problems == []


def test_channels_are_averaged(fitted):
    left, right = tone(pitch=300), tone(pitch=700)
    cells = pa.array([encoded(np.stack([left, right], 1))])
    found = fitted("audio", cells).encode(cells).row(0)
    assert np.abs(found - (left + right) / 2 * 32768).max() < 1.5


def test_the_rate_of_most_recordings_is_taken_and_said(fitted):
    cells = pa.array([encoded(tone()), encoded(tone()), encoded(tone(rate=16000), 16000)])
    column = fitted("audio", cells)
    sizes = column.sizes()
    assert (sizes["rate"], sizes["length"]) == (RATE, 4000)
    assert sizes["reach"] == pytest.approx(32768 * 0.5 / 2**0.5, rel=0.01)  # as strong as a sine of that peak
    assert column.chosen == "8,000 samples a second, as most recordings have; 1 other rates are resampled"
    assert column.encode(cells).lengths.tolist() == [4000, 4000, 4000]
    assert fitted("audio", pa.array([[1, 2, 3, 4]])).chosen == "16,000 samples a second: no recording says its own rate"
    assert fitted("audio", cells, rate=4000).chosen == ""


def test_another_rate_keeps_the_pitch(fitted):
    cells = pa.array([encoded(tone(rate=44100, pitch=1000), 44100)])
    found = fitted("audio", cells, rate=RATE).encode(cells).row(0) / 32768
    assert len(found) == 4000
    assert np.abs(np.fft.rfft(found * np.hanning(4000))).argmax() * RATE / 4000 == 1000
    assert np.abs(found[200:-200]).max() == pytest.approx(0.5, rel=0.01)


def test_what_is_above_half_the_rate_is_taken_out(fitted):
    cells = pa.array([encoded(tone(rate=16000, pitch=6000), 16000)])
    assert np.abs(fitted("audio", cells, rate=RATE).encode(cells).row(0)[200:-200]).max() < 30


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


BAD = {
    "unreadable": {
        "text": b"hello, I am no recording",
        "no byte": b"",
        "half a header": encoded(TONE)[:30],
        "half a flac": half(encoded(TONE, form="FLAC")),
        "half an ogg": half(encoded(TONE, form="OGG", subtype="VORBIS")),
    },
    "without a sample": {"empty": encoded(TONE[:0])},
    "silent": {"silence": encoded(np.zeros(800))},
    "clipped: samples at full scale": {"loud": encoded(tone(peak=3.0).clip(-1, 1), subtype="FLOAT")},
    "truncated": {"truncated": half(encoded(TONE))},
    "longer than max_length and cut": {"long": encoded(tone(3.0))},
}


@pytest.mark.parametrize(("what", "name"), [(what, name) for what, cells in BAD.items() for name in cells])
def test_what_is_odd_is_said_and_never_raised(fitted, what, name):
    column = fitted("audio", pa.array([encoded(TONE)]), max_length=2.0)
    rows = column.encode(pa.array([encoded(TONE), BAD[what][name]]))
    assert len(rows) == 2 and rows.lengths.min() >= 1 and rows.lengths.max() <= 2 * RATE
    assert np.array_equal(rows.row(0), TONE)
    (said,) = column.problems
    assert said.startswith(f"column 'x': 1 of 2 recordings are {what}; the first: row 1")
    if what in ("unreadable", "without a sample"):
        assert rows.row(1).tolist() == [0]


def test_problems_name_files_and_count_over_chunks(fitted, tmp_path):
    (tmp_path / "a.wav").write_bytes(encoded(TONE))
    (tmp_path / "b.wav").write_text("no recording")
    paths = [str(tmp_path / name) for name in ("a.wav", "b.wav", "c.wav")]
    column = fitted("audio", pa.array(paths))
    for path in paths:
        column.encode(pa.array([path]))
    assert column.problems == [
        f"column 'x': 2 of 3 recordings are unreadable; the first: row 1, '{paths[1]}': Format not recognised (they "
        "count as silence)"
    ]
    assert fitted("audio", pa.array(paths[1:])).unusable.startswith(
        "the column holds no recordings: none of 2 can be read"
    )


def test_missing_recordings_are_silence_and_no_problem(fitted):
    column = fitted("audio", pa.array([encoded(TONE), None]))
    assert column.encode(pa.array([None, encoded(TONE)])).lengths.tolist() == [1, 4000]
    assert column.problems == []


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["a.wav", "b.FLAC", None, "c.ogg"]),
        pa.array([encoded(TONE), None]),
        pa.array([encoded(TONE, form="FLAC")], pa.large_binary()),
        pa.array([{"bytes": encoded(TONE), "path": None}]),
        pa.array([{"array": [0.5], "sampling_rate": 8000}]),
    ],
    ids=["names", "bytes", "large bytes", "structs", "arrays"],
)
def test_recordings_are_recognised(values):
    assert infer(pa.table({"x": values}))["x"].kind == "audio"


@pytest.mark.parametrize(
    "values",
    [pa.array(["a.png", "b.png"]), pa.array([b"RIFF....WEBPVP8 "]), pa.array([{"bytes": b"\x89PNG", "path": "a.png"}])],
    ids=["names", "webp", "structs"],
)
def test_pictures_stay_pictures(values):
    assert infer(pa.table({"x": values}))["x"].kind == "image"


def test_a_recording_is_no_target():
    from modelwright.columns import build

    column = build("x", "audio", target=True)
    column.fit(pa.array([encoded(TONE)]))
    with pytest.raises(DataError, match="a recording cannot be a target"):
        column.finish()
