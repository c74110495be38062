"""What comes with scikit-learn."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from .. import _bundled
from ..named import Named, Parsed


def _made(_: list[Path], *, make: Any) -> Parsed:
    return make(), None


def _strips(_: list[Path]) -> Parsed:
    return _bundled.digit_strips()


def _of(name: str, about: str, target: str, make: Any) -> Named:
    return Named(name, about, (target,), partial(_made, make=make))


SETS = (
    _of("digits", "1,797 handwritten digits, 8 x 8 grey", "label", _bundled.digits),
    Named("digit_strips", "5,000 strips of 4 to 6 digits", ("text",), _strips),
    _of("iris", "150 flowers of 3 species", "species", partial(_bundled.classed, "iris")),
    _of("wine", "178 wines of 3 growers", "class", partial(_bundled.classed, "wine")),
    _of("breast_cancer", "569 tumours", "diagnosis", partial(_bundled.classed, "breast_cancer")),
    _of("diabetes", "442 patients, progression after a year", "progression", _bundled.diabetes),
)
