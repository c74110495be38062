"""Everything supervised."""

from __future__ import annotations

from ._assembly import Assembly


class Assembled(Assembly):
    __doc__ = Assembly.__doc__
