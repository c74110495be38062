"""Text, timestamps and epochs -> seconds since 1970, as the clock on the wall showed them. Knows no column."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import _parsing

# day before month and month before day: which comes first is decided by which reads more of the training cells
FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m-%d-%Y",
    "%d-%m-%Y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d.%m.%y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%b %d, %Y",
    "%b %d %Y",
    "%a, %d %b %Y",
    "%Y年%m月%d日",
    "%Y-%m",
    "%Y/%m",
    "%b %Y",
)
_PARTS = (
    r"^(?P<day>.*?)(?:[T ]+(?P<time>\d{1,2}:\d{2}(?::\d{2})?(?: ?[AaPp][Mm])?)(?:[.,]\d+)?"
    r"(?:Z|z| ?UTC| ?GMT| ?[+-]\d{2}:?\d{2})?)?$"
)
_DIGITS = r"^-?[0-9]+(\.[0-9]*)?$"


def read(values: pa.Array, formats: tuple[str, ...] | list[str] = FORMATS) -> np.ndarray:
    """(N,) float64 seconds, NaN where no format reads the cell; the first format that does wins.

    A time zone written behind the time is left out: an hour of the day is what people live by."""
    values = _parsing.flat(values)
    kind = values.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _parsing.seconds(pc.local_timestamp(values) if getattr(kind, "tz", None) else values)
    if not _parsing.is_text(kind):
        return from_numbers(_parsing.numbers(values))
    distinct = _parsing.strings(values).dictionary_encode()
    found = np.append(_read_text(distinct.dictionary, formats), np.nan)
    return found[distinct.indices.fill_null(len(found) - 1).to_numpy(zero_copy_only=False)]


def _read_text(text: pa.Array, formats: tuple[str, ...] | list[str]) -> np.ndarray:
    digits = pc.match_substring_regex(text, _DIGITS)
    found = from_numbers(_parsing.numbers(pc.if_else(digits, text, pa.scalar(None, text.type))))
    parts = pc.extract_regex(text, _PARTS)
    day, time = parts.field("day"), parts.field("time")
    for style in formats:
        left = np.isnan(found)
        if not left.any():
            break
        if any(sign in style for sign in ("%H", "%I")):  # a person's own format may hold the time
            found[left] = _parsed(text, style)[left]
        else:
            found[left] = (_parsed(day, style) + _time_of_day(time))[left]
    return found


def _parsed(text: pa.Array, style: str) -> np.ndarray:
    stamps = pc.strptime(text, format=style, unit="s", error_is_null=True)
    found = np.array(stamps.cast(pa.int64()).to_numpy(zero_copy_only=False), np.float64)
    # %Y also reads "24" as the year 24; those are for %y
    return np.where(found < -3.06e10, np.nan, found) if "%Y" in style else found


def _time_of_day(text: pa.Array) -> np.ndarray:
    """Seconds since midnight; 0 where there is no time."""
    out = np.zeros(len(text))
    if not pc.any(pc.greater(pc.utf8_length(text), 0)).as_py():
        return out
    for style in ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p", "%I:%M:%S%p", "%I:%M%p"):
        found = _parsed(text, style)
        out = np.where(np.isnan(found), out, found % 86400)
    return out


def from_numbers(x: np.ndarray) -> np.ndarray:
    """Years, 20240131, and seconds, milli-, micro- or nanoseconds since 1970, told apart by their size."""
    out = np.full(len(x), np.nan)
    size = np.abs(np.nan_to_num(x))
    for low, width in ((1e8, 1.0), (1e11, 1e3), (1e14, 1e6), (1e17, 1e9)):
        here = (size >= low) & (size < low * 1e3)
        out[here] = x[here] / width
    whole = x == np.floor(x)
    year = whole & (x >= 1000) & (x < 3000)
    out[year] = _stamp(x[year], np.ones(year.sum()), np.ones(year.sum()))
    compact = whole & (x >= 1e7) & (x < 3e7)
    y, m, d = x[compact] // 10000, x[compact] // 100 % 100, x[compact] % 100
    good = (m >= 1) & (m <= 12) & (d >= 1) & (d <= 31)
    out[np.flatnonzero(compact)[good]] = _stamp(y[good], m[good], d[good])
    return out


def _stamp(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> np.ndarray:
    months = (year.astype(np.int64) - 1970) * 12 + month.astype(np.int64) - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + day.astype(np.int64) - 1
    return days * 86400.0


def calendar(seconds: np.ndarray) -> dict[str, np.ndarray]:
    """(N,) seconds -> each cycle's position in 0..1: month (of the year), monthday, weekday, hour (of the day)."""
    whole = np.floor(seconds).astype(np.int64)
    days = whole // 86400
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    monthday = (dates - months.astype("datetime64[D]")).astype(np.int64)
    return {
        "month": (months.astype(np.int64) % 12 + monthday / 31) / 12,  # glides through the month
        "monthday": monthday / 31,
        "weekday": ((days + 3) % 7) / 7,  # 1970 began on a Thursday; Monday is 0
        "hour": (whole % 86400) / 86400,
    }
