"""Reports as one self-contained HTML page: no script, no request, everything inline."""

from ._page import render_html

__all__ = ["render_html"]
