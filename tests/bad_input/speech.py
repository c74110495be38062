"""Recordings that are none, or not what was hoped for: said, and no end of a run."""

from __future__ import annotations

import io
import wave

import numpy as np

from ._case import QUICK, Case

TRAIN = f"train recipe.yaml {QUICK} train.speed=fixed --out r"
DONE = "modelwright predict r FILE"
MODEL = "model: {encoders: {sound: {kind: acoustic, bands: 20, subsample: [4], width: 8, layers: 1}}}\n"
RECIPE = "data: rows.csv\ntarget: y\n" + MODEL
ROWS = 24


def tone(seconds: float = 0.1, rate: int = 8000, channels: int = 1, width: int = 2, peak: float = 0.4) -> bytes:
    """A WAV of a sine, in every channel."""
    samples = np.sin(np.arange(round(seconds * rate)) * 0.3) * peak
    whole = np.rint(samples * (2 ** (8 * width - 1) - 1)).astype("<i4").repeat(channels)
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(whole.view(np.uint8).reshape(-1, 4)[:, :width].tobytes())
    return held.getvalue()


def floats(samples: np.ndarray) -> bytes:
    """A WAV of 32-bit floats."""
    data = samples.astype("<f4").tobytes()
    head = np.array([16, 3 + (1 << 16), 8000, 32000, 4 + (32 << 16)], "<u4").tobytes()
    body = b"WAVEfmt " + head + b"data" + np.uint32(len(data)).tobytes() + data
    return b"RIFF" + np.uint32(len(body)).tobytes() + body


def sounds(odd: bytes | None) -> dict[str, str | bytes]:
    """A table of 24 recordings, of which the last three are odd, or are not there."""
    lines = [f"{number}.wav,{'pq'[number % 2]}" for number in range(ROWS)]
    files: dict[str, str | bytes] = {f"{number}.wav": tone(0.1 + 0.01 * number) for number in range(ROWS - 3)}
    files |= {f"{number}.wav": odd for number in range(ROWS - 3, ROWS)} if odd is not None else {}
    return {"rows.csv": "sound,y\n" + "\n".join(lines) + "\n", **files}


def said(what: str) -> str:
    return f"3 of {ROWS} recordings are {what}; the first: row {ROWS - 3}"


ODD = {
    "a silent recording": (tone(peak=0.0), said("silent")),
    "a clipped recording": (floats(np.clip(3 * np.sin(np.arange(800)), -1, 1)), said("clipped: samples at full scale")),
    "a recording without a sample": (tone(0.0), said("without a sample")),
    "a truncated recording": (tone()[:500], said("truncated")),
    "a recording cut in its header": (tone()[:30], said("unreadable")),
    "a text named like a recording": (b"I am no recording\n", said("unreadable")),
    "a recording that is not there": (None, said("unreadable")),
}
FINE = {
    "another rate": tone(rate=22050),
    "stereo": tone(channels=2),
    "24 bits": tone(width=3),
    "floats": floats(0.4 * np.sin(np.arange(800) * 0.3)),
}

CASES = [
    *(Case(name, TRAIN, message, 0, RECIPE, sounds(odd)) for name, (odd, message) in ODD.items()),
    *(Case(f"recordings with {name}", TRAIN, DONE, 0, RECIPE, sounds(odd)) for name, odd in FINE.items()),
    Case(
        "no recording can be read",
        TRAIN,
        "error: rows: column 'sound': the column holds no recordings: none of 20 can be read; the first: 6.wav. Paths "
        "begin at the folder of the table; a column of another kind is named under columns.",
        recipe=RECIPE,
        files={"rows.csv": "sound,y\n" + "\n".join(f"{n}.wav,{'pq'[n % 2]}" for n in range(ROWS)), "0.wav": "text"},
    ),
    Case(
        "more bands than frequencies",
        TRAIN,
        "error: 1 mistake in the recipe:\n"
        "  recipe.yaml:3:20: model.encoders.sound: 400 bands are too many: 164 of them have no frequency of their own. Use "
        "fewer bands, or a longer window.",
        recipe="data: rows.csv\ntarget: y\nmodel: {encoders: {sound: {kind: acoustic, bands: 400}}}\n",
        files=sounds(tone()),
    ),
    Case(
        "a recording as the target",
        TRAIN,
        "error: rows: target 'sound': a recording cannot be a target.",
        recipe="data: rows.csv\ntarget: sound\ncolumns: {sound: audio}\n",
        files=sounds(tone()),
    ),
    Case(
        "a folder of recordings without classes",
        "train flat --target label --out r",
        "error: flat: the files are not in one folder a class. Put them in <class>/<file>, or name them in a table: a CSV "
        "with a column of paths and one of labels.",
        files={"flat/1.wav": tone(), "flat/2.wav": tone()},
    ),
]
