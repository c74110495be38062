from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.columns import _dates

MOMENT = datetime.datetime(2021, 3, 4, 17, 5, 9)
DAY = datetime.datetime(2021, 3, 4)


def seconds(moment):
    return moment.replace(tzinfo=datetime.timezone.utc).timestamp()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2021-03-04", DAY),
        ("2021-03-04T17:05:09", MOMENT),
        ("2021-03-04 17:05:09.123456", MOMENT),
        ("2021-03-04T17:05:09Z", MOMENT),
        ("2021-03-04T17:05:09+08:00", MOMENT),
        ("2021-03-04 17:05", MOMENT.replace(second=0)),
        ("2021/03/04", DAY),
        ("04.03.2021", DAY),
        ("3/4/2021", DAY),
        ("3/4/2021 5:05 PM", MOMENT.replace(second=0)),
        ("4 Mar 2021", DAY),
        ("March 4, 2021", DAY),
        ("04-Mar-21", DAY),
        ("Thu, 04 Mar 2021 17:05:09 GMT", MOMENT),
        ("2021年3月4日", DAY),
        ("20210304", DAY),
        ("1614877509", MOMENT),
        ("1614877509000", MOMENT),
        ("2021", datetime.datetime(2021, 1, 1)),
        ("3/4/21", DAY),
    ],
)
def test_common_forms_are_read(text, moment):
    assert _dates.read(pa.array([text]))[0] == seconds(moment)


def test_what_is_no_date_is_missing():
    assert np.isnan(_dates.read(pa.array(["", "soon", "2021-13-01", "99/99/2021", "12:30", None, "5", "-"]))).all()


def test_typed_and_epoch_cells():
    for values in (
        pa.array([MOMENT]),
        pa.array([1614877509]),
        pa.array([1614877509000]),
        pa.array([1614877509], pa.timestamp("s")),
    ):
        assert _dates.read(values)[0] == seconds(MOMENT)
    assert _dates.read(pa.array([DAY.date()]))[0] == seconds(DAY)
    berlin = pa.array([1614877509], pa.timestamp("s", "Europe/Berlin"))
    assert _dates.read(berlin)[0] == seconds(MOMENT) + 3600, "the clock on the wall"


def test_day_or_month_first_is_learnt(fitted):
    european = fitted("date", ["03/04/2021", "25/12/2020"])
    american = fitted("date", ["03/04/2021", "12/25/2020"])
    assert european.formats[0] == "%d/%m/%Y" and american.formats[0] == "%m/%d/%Y"


@given(st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2200, 1, 1)))
def test_the_calendar_is_that_of_datetime(moment):
    found = {name: value[0] for name, value in _dates.calendar(np.array([seconds(moment)])).items()}
    assert found["weekday"] == pytest.approx(moment.weekday() / 7)
    assert found["monthday"] == pytest.approx((moment.day - 1) / 31)
    assert int(found["month"] * 12 + 1e-9) + 1 == moment.month
    assert found["hour"] == pytest.approx((moment.hour * 3600 + moment.minute * 60 + moment.second) / 86400)


def test_features(fitted):
    days = pa.array(["2021-01-01", "2021-07-01", "2022-01-01"])
    column = fitted("date", days)
    out = column.encode(days)
    assert column.sizes() == {"width": 7} and out.shape == (3, 7)
    assert abs(out[:, 0].mean()) < 1e-6 and (np.diff(out[:, 0]) > 0).all()
    assert np.allclose(out[0, 1:3], [0, 1]) and np.allclose(out[0, 1:5], out[2, 1:5]), "a year later, the same season"
    timed = fitted("date", ["2021-01-01 10:00", "2021-01-01 11:00", None])
    assert timed.sizes() == {"width": 10}
    assert timed.encode(pa.array([None], pa.string())).tolist() == [[0.0] * 9 + [1.0]]


def test_a_format_of_ones_own(fitted):
    column = fitted("date", ["2021|04|03", "2021|05|03"], format="%Y|%d|%m")
    assert column.encode(pa.array(["2021|04|03"]))[0, 0] == pytest.approx(-1)
