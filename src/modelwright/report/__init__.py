"""A Report is a title and blocks, plain JSON. Terminal, HTML page (`pages`) and model card render the same blocks."""

from ._blocks import (
    Block,
    Colored,
    Curve,
    Image,
    Number,
    Report,
    Section,
    Table,
    Text,
    bars,
    figure,
    is_number,
    points,
    shown,
)
from ._markdown import render_markdown
from ._terminal import cells, render_terminal

__all__ = [
    "Block",
    "Colored",
    "Curve",
    "Image",
    "Number",
    "Report",
    "Section",
    "Table",
    "Text",
    "bars",
    "cells",
    "figure",
    "is_number",
    "points",
    "render_markdown",
    "render_terminal",
    "shown",
]
