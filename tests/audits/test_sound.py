"""Damaged sound, and what audits and baselines read in place of it."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.audits import _damage
from modelwright.columns import Ragged, build
from modelwright.data.encoding import summaries

ROWS = Ragged(np.array([1000, -1000, 1000, 20000, -20000], np.int16), np.array([0, 3, 5]))


def test_noise_is_as_strong_as_it_says():
    rows = Ragged(np.zeros(20000, np.int16), np.array([0, 20000]))
    found = _damage.hiss(rows, 0.5, np.random.default_rng(0), np.float32(2000))
    assert found.values.dtype == np.int16 and found.values.std() == pytest.approx(1000, rel=0.03)


def test_gain_is_in_decibels_and_cuts_off():
    found = _damage.gain(ROWS, 6, np.random.default_rng(0), np.float32(1))
    assert found.values.tolist() == [1995, -1995, 1995, 32767, -32768]


def test_delay_puts_silence_before_every_row():
    found = _damage.delay(ROWS, 0.8, np.random.default_rng(0), np.float32(1))
    assert [found.row(0).tolist(), found.row(1).tolist()] == [[0, 0, 1000, -1000, 1000], [0, 0, 20000, -20000]]


def test_a_recording_is_summed_up_in_numbers_that_tell_tones_apart():
    column = build("sound", {"kind": "audio", "rate": 4000})
    tones = [np.int16(9000 * np.sin(np.arange(n) * pitch)) for n, pitch in ((4000, 0.4), (2000, 0.4), (4000, 1.2))]
    rows = Ragged(np.concatenate(tones), np.array([0, 4000, 6000, 10000]))
    found = summaries({"sound": rows}, {"sound": column})["sound"]
    assert found.shape == (3, 162) and found.dtype == np.float32 and np.isfinite(found).all()
    apart = [np.linalg.norm(found[0, 2:] - other[2:]) for other in found[1:]]
    assert apart[0] < 0.2 * apart[1]  # half as long, the same tone
    assert np.isfinite(column.summary(Ragged(np.zeros(1, np.int16), np.array([0, 1])))).all()
