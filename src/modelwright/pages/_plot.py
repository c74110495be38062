"""Curves as inline SVG: axes with round ticks, grid, lines or dots, a title to hover over at each point."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from ..report import Curve, points

_WIDTH, _HEIGHT = 560, 300
_RIGHT, _TOP, _BOTTOM = 14, 10, 46
_MOST_POINTS = 400  # of a line; more than a screen shows
_MOST_TITLES = 120
_COLOURS = 8
Point = tuple[float, float]


def plot(curve: Curve) -> tuple[str, str]:
    """The drawing as `<svg>` and its legend as `<ul>` (none for one line named as its axis), all text escaped."""
    lines = {name: _thinned(points(curve, name)) for name in curve.lines}
    lines = {name: found for name, found in lines.items() if found}
    if not lines:
        return '<p class="note">Nothing to draw.</p>', ""
    xs = [_along(x, curve.log_x) for found in lines.values() for x, _ in found]
    ys = [y for found in lines.values() for _, y in found]
    x_ticks = _powers(min(xs), max(xs)) if curve.log_x else ticks(min(xs), max(xs))
    y_ticks = ticks(min(ys), max(ys))
    left = 34 + 7 * max(len(label(y)) for y in y_ticks)
    axes = _Axes((min(*xs, x_ticks[0]), max(*xs, x_ticks[-1])), (y_ticks[0], y_ticks[-1]), curve.log_x, left)
    drawn = [_grid(axes, x_ticks, y_ticks), _names(curve, left)]
    number = 0
    for name, found in lines.items():
        reference = name in curve.dashed
        style = "ref" if reference else f"c{number % _COLOURS}"
        number += not reference
        drawn.append(_dots(axes, name, found, style) if name in curve.dots else _line(axes, name, found, style))
    svg = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(curve.title)}">{"".join(drawn)}</svg>'
    return svg, _legend(curve, list(lines))


class _Axes:
    """From values to places in the drawing."""

    def __init__(self, x: Point, y: Point, log_x: bool, left: int) -> None:
        self.x, self.y, self.log_x, self.left = _open(x), _open(y), log_x, left

    def across(self, x: float) -> float:
        """Place of a value already in the axis's own scale (its logarithm for a logarithmic one)."""
        return round(self.left + (x - self.x[0]) / (self.x[1] - self.x[0]) * (_WIDTH - self.left - _RIGHT), 1)

    def down(self, y: float) -> float:
        return round(_HEIGHT - _BOTTOM - (y - self.y[0]) / (self.y[1] - self.y[0]) * (_HEIGHT - _TOP - _BOTTOM), 1)

    def place(self, point: Point) -> Point:
        return self.across(_along(point[0], self.log_x)), self.down(point[1])


def _open(ends: Point) -> Point:
    return ends if ends[1] > ends[0] else (ends[0] - 0.5, ends[0] + 0.5)


def _along(x: float, log: bool) -> float:
    return math.log10(x) if log else x


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round values (1, 2 or 5 times a power of ten apart) from at or below `low` to at or above `high`."""
    if not high > low:
        low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
    rough = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((s * power for s in (1, 2, 5, 10)), key=lambda s: abs(s - rough))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(place * step, 12) if step > 1e-9 else place * step for place in range(first, last + 1)]


def _powers(low: float, high: float) -> list[float]:
    """Logarithms of the ticks of a logarithmic axis: powers of ten, with 2 and 5 where there are few."""
    first, last = math.floor(low + 1e-9), math.ceil(high - 1e-9)
    step = max(1, (last - first) // 6)
    whole = [float(power) for power in range(first, last + 1, step)]
    return (
        sorted({p + math.log10(m) for p in whole for m in (1, 2, 5) if p + math.log10(m) <= last})
        if last - first <= 2
        else whole
    )


def label(value: float) -> str:
    """A tick in few characters: 20k, 1.5M, 0.25, 1e-05."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):.4g}{unit}"
    return f"{value:.4g}"


def _grid(axes: _Axes, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> str:
    bottom, right, drawn = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT, []
    for y in y_ticks:
        place = axes.down(y)
        drawn.append(f'<path class="grid" d="M{axes.left} {place}H{right}"/>')
        drawn.append(f'<text class="tick" x="{axes.left - 8}" y="{place + 4}" text-anchor="end">{label(y)}</text>')
    for x in x_ticks:
        place = axes.across(x)
        drawn.append(f'<path class="grid" d="M{place} {_TOP}V{bottom}"/>')
        value = label(10**x if axes.log_x else x)
        drawn.append(f'<text class="tick" x="{place}" y="{bottom + 18}" text-anchor="middle">{value}</text>')
    return "".join(drawn) + f'<path class="axis" d="M{axes.left} {_TOP}V{bottom}H{right}"/>'


def _names(curve: Curve, left: int) -> str:
    middle, height = (left + _WIDTH - _RIGHT) / 2, (_TOP + _HEIGHT - _BOTTOM) / 2
    return (
        f'<text class="name" x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(curve.x)}</text>'
        f'<text class="name" transform="translate(13 {height}) rotate(-90)" text-anchor="middle">{escape(curve.y)}'
        "</text>"
    )


def _line(axes: _Axes, name: str, found: list[Point], style: str) -> str:
    places = [axes.place(point) for point in found]
    path = "M" + "L".join(f"{x} {y}" for x, y in places)
    drawn = f'<path class="line {style}" d="{path}"><title>{escape(name)}</title></path>'
    if style == "ref" or len(found) > _MOST_TITLES:
        return drawn
    small = "mark" if len(found) <= 30 else "touch"
    return drawn + "".join(
        _circle(place, 3 if small == "mark" else 6, f"{small} {style}", name, point)
        for place, point in zip(places, found)
    )


def _dots(axes: _Axes, name: str, found: list[Point], style: str) -> str:
    return "".join(_circle(axes.place(point), 3, f"dot {style}", name, point) for point in found)


def _circle(place: Point, radius: int, style: str, name: str, point: Point) -> str:
    title = escape(f"{name}: {point[0]:.6g}, {point[1]:.6g}")
    return f'<circle class="{style}" cx="{place[0]}" cy="{place[1]}" r="{radius}"><title>{title}</title></circle>'


def _thinned(found: list[Point]) -> list[Point]:
    """At most `_MOST_POINTS`: of each stretch its lowest and highest point, so that no peak is lost."""
    if len(found) <= _MOST_POINTS:
        return found
    size = -(-2 * len(found) // (_MOST_POINTS - 2))
    kept = [found[0], found[-1]]
    for start in range(0, len(found), size):
        stretch = found[start : start + size]
        kept += [min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])]
    chosen = set(kept)
    return [point for point in found if point in chosen]


def _legend(curve: Curve, names: Sequence[str]) -> str:
    if len(names) == 1 and names[0].lower() in (curve.y.lower(), curve.title.lower()):
        return ""
    items, number = [], 0
    for name in names:
        reference = name in curve.dashed
        style = "ref" if reference else f"c{number % _COLOURS}" + (" dotted" if name in curve.dots else "")
        number += not reference
        items.append(f'<li><i class="{style}"></i>{escape(name)}</li>')
    return f'<ul class="legend">{"".join(items)}</ul>'
