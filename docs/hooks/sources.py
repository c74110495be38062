"""Copies functions and classes into pages, so that the code shown is the code that runs.

A line `::: modelwright.losses:mse` becomes the source of that function; `::: tests/test_formulas.py:test_mse` that of a
test, folded. A name that does not exist fails a strict build.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import textwrap
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

LINE = re.compile(r"^::: (?P<place>\S+):(?P<name>[\w.]+)$", re.MULTILINE)
ROOT = Path(__file__).parents[2]


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Replace every `:::` line of a page."""
    return LINE.sub(lambda found: shown(found["place"], found["name"], page.file.src_uri), markdown)


def shown(place: str, name: str, page: str = "") -> str:
    """A function, class or method as a block of Markdown, titled with its file."""
    try:
        path, text = source(place, name)
    except (KeyError, FileNotFoundError, ModuleNotFoundError) as error:
        raise PluginError(f"{page}: '{place}:{name}' is not there ({error}).") from None
    block = f'```python title="{path}"\n{text}\n```'
    if not path.startswith("tests/"):
        return block
    return f'??? example "Tested: {name}"\n' + textwrap.indent(block, "    ")


def source(place: str, name: str) -> tuple[str, str]:
    """The file (relative to the repository) and text of `module:function`, `module:Class.method` or `file.py:test`."""
    if place.endswith(".py"):
        path, title = ROOT / place, place
    else:
        path = Path(str(importlib.util.find_spec(place).origin))  # type: ignore[union-attr]
        title = "src/" + place.replace(".", "/") + ".py"
    text = path.read_text(encoding="utf-8")
    body: Any = ast.parse(text).body
    for step in name.split("."):
        node = next((n for n in body if getattr(n, "name", None) == step), None)
        if node is None:
            raise KeyError(step)
        body = getattr(node, "body", [])
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    return title, textwrap.dedent("\n".join(text.splitlines()[first - 1 : node.end_lineno]))
