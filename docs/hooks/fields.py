"""Pages of the fields: `recipes/<field>/README.md` and its Chinese twin become `fields/<field>.md` and `.zh-CN.md`.

Links to pages of docs/ are turned round; files that are no pages are named by their path in the repository.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the English pages into the navigation, below the table."""
    below = [page for page in pages(ROOT) if not page.endswith(".zh-CN.md")]
    config["nav"] = [
        {name: ["fields.md", *below] if name == "Fields" else place for name, place in entry.items()}
        for entry in config["nav"]
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    for path, text in pages(ROOT).items():
        files.append(File.generated(config, path, content=text))
    return files


def pages(root: Path) -> dict[str, str]:
    """Path below docs/ -> Markdown, of every folder of recipes that has a field.yaml and a README."""
    found = {}
    for folder in sorted(path.parent for path in (root / "recipes").glob("*/field.yaml")):
        for ending in (".md", ".zh-CN.md"):
            readme = folder / f"README{ending}"
            if readme.exists():
                found[f"fields/{folder.name}{ending}"] = moved(readme.read_text("utf-8"), folder.name)
    return found


def moved(text: str, field: str) -> str:
    """A README's text with its links as they must be in `fields/`."""

    def link(found: re.Match[str]) -> str:
        words, target, anchor = found["text"], found["target"], found["anchor"] or ""
        if "://" in target or target.startswith("mailto:"):
            return found[0]
        path = posixpath.normpath(posixpath.join("recipes", field, target))
        if path.startswith("docs/"):
            return f"[{words}]({posixpath.relpath(path, 'docs/fields')}{anchor})"
        if readme := re.fullmatch(r"recipes/([\w-]+)/README(\.zh-CN)?\.md", path):
            return f"[{words}]({readme[1]}{readme[2] or ''}.md{anchor})"
        return f"{words} (`{path}`)"

    return LINK.sub(link, text)
