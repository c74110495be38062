"""The documentation says what is true: everything is documented, and everything shown is tried."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import io
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
import yaml

from modelwright import cli, parts
from modelwright.recipe import load

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "recipes").glob("*/README*.md"))]
PAGES = sorted(DOCS.rglob("*.md"))
SKETCHES = {DOCS / "architecture.md"}  # its code is a sketch of contracts
TEXTS = {str(page.relative_to(ROOT)): page.read_text("utf-8") for page in [*PAGES, *READMES] if page.exists()}
FENCE = re.compile(
    r"^(?P<mark><!-- (?:run|run slow) -->\n)?^```(?P<language>\w+)[^\n]*\n(?P<body>.*?)^```\s*$"
    r"(?:\n\n?^```text\n(?P<output>.*?)^```\s*$)?",
    re.MULTILINE | re.DOTALL,
)


def blocks(language: str) -> list:
    """Every fenced block of a language: whether it is marked to run, its body, the text block that follows."""
    found = []
    for page, text in TEXTS.items():
        for block in FENCE.finditer(text):
            if block["language"] == language and ROOT / page not in SKETCHES:
                place = f"{page}:{text[: block.start()].count(chr(10)) + 1}"
                marks = [pytest.mark.slow] if "slow" in (block["mark"] or "") else []
                found.append(pytest.param(bool(block["mark"]), block["body"], block["output"], id=place, marks=marks))
    return found


def hook(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"docs_hooks_{name}", DOCS / "hooks" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- everything is documented


@pytest.fixture(scope="module")
def generated() -> ModuleType:
    pytest.importorskip("mkdocs")
    return hook("pages")


def test_every_room_of_parts_has_pages(generated):
    from modelwright.verbs import list as list_verb

    rooms = next(  # the rooms that `modelwright list` knows, so that none is forgotten here
        node.value
        for node in ast.walk(ast.parse(Path(list_verb.__file__).read_text("utf-8")))
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "rooms"
    )
    named = {constant.value for constant in ast.walk(rooms) if isinstance(constant, ast.Constant)}
    assert named - {"data"} == {generated.folder(room) for room in generated.ROOMS}


def test_every_kind_and_verb_has_a_page_that_names_its_options(generated):
    pages = generated.pages()
    for room in generated.ROOMS:
        overview = pages[f"parts/{generated.folder(room)}/index.md"]
        for kind in parts.kinds(room):
            page = pages[f"parts/{generated.folder(room)}/{kind}.md"]
            assert f"({kind}.md)" in overview
            for option in parts.options(parts.find(room, kind)):
                assert f"| `{option}` |" in page
    for verb in cli.verb_names():
        assert f"Usage: modelwright {verb}" in pages[f"verbs/{verb}.md"]
        assert f"[{verb}]({verb}.md)" in TEXTS["docs/verbs/index.md"]


def test_every_option_and_every_kind_is_explained(generated):
    silent = []
    for room in generated.ROOMS:
        for kind in parts.kinds(room):
            part = parts.find(room, kind)
            helps = parts.option_help(part)
            silent += [f"{room}/{kind}" for _ in (1,) if not (part.__doc__ or "").partition("Options:")[0].strip()]
            silent += [f"{room}/{kind}: {option}" for option in parts.options(part) if not helps.get(option)]
    assert not silent


def test_hand_written_pages_belong_to_something(generated):
    known = {*generated.pages(), "parts/index.md", "verbs/index.md"}
    written = {str(page.relative_to(DOCS)) for folder in ("parts", "verbs") for page in (DOCS / folder).rglob("*.md")}
    assert written <= known


def test_every_recipe_key_is_explained():
    from modelwright.recipe import ModelOptions, PrivacyOptions, Recipe, TrainOptions

    text = TEXTS["docs/recipe.md"]
    keys = [
        field.alias or name
        for model in (Recipe, ModelOptions, TrainOptions, PrivacyOptions)
        for name, field in model.model_fields.items()
        if name not in ("base", "source", "kind")
    ]
    assert [key for key in keys if not re.search(rf"\b{key}\b", text)] == []


def test_decisions_are_listed():
    listed = TEXTS["docs/decisions/index.md"]
    notes = [page.name for page in (DOCS / "decisions").glob("0*.md")]
    assert [name for name in notes if f"({name})" not in listed] == []


def test_links_of_a_field_lead_where_they_did(tmp_path):
    pytest.importorskip("mkdocs")
    folder = tmp_path / "recipes" / "speech"
    folder.mkdir(parents=True)
    (folder / "field.yaml").write_text("name: speech\n")
    (folder / "README.md").write_text(
        "[how](../../docs/how-to/text.md#a) [中文](README.zh-CN.md) [recipe](fsdd.yaml) [web](https://a.b/c) [d](../driving/README.md)"
    )
    (folder / "README.zh-CN.md").write_text("[English](README.md)")
    assert hook("fields").pages(tmp_path) == {
        "fields/speech.md": "[how](../how-to/text.md#a) [中文](speech.zh-CN.md) recipe (`recipes/speech/fsdd.yaml`) "
        "[web](https://a.b/c) [d](driving.md)",
        "fields/speech.zh-CN.md": "[English](speech.md)",
    }


# ---- everything shown is tried


@pytest.mark.parametrize(("run", "body", "output"), blocks("yaml"))
def test_recipes_load(run, body, output):
    for document in yaml.safe_load_all(body):
        load(document)


BUNDLED = [block for block in blocks("yaml") if re.match("data: (digits|iris)$", block.values[1], re.MULTILINE)]


@pytest.mark.slow
@pytest.mark.parametrize(("run", "body", "output"), BUNDLED)
def test_recipes_on_bundled_data_pass_the_dry_run(run, body, output, tmp_path):
    from modelwright import check

    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(body, encoding="utf-8")
    assert check(str(recipe)).data["no_gradient"] == []


@pytest.mark.parametrize(("run", "body", "output"), blocks("python"))
def test_python_compiles_and_marked_blocks_print_what_stands_below(run, body, output, tmp_path, monkeypatch):
    compile(body, "page", "exec")
    if not run:
        return
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(body, "page", "exec"), {"__name__": "page"})
    assert output is None or printed.getvalue() == output


@pytest.mark.parametrize(("run", "body", "output"), blocks("console"))
def test_commands_parse(run, body, output):
    for command in commands(body):
        parse(command)


def commands(body: str) -> list[list[str]]:
    """The words of every modelwright command in a console block, pipes taken apart."""
    found = []
    for line in body.splitlines():
        if line.startswith("$ "):
            found += [shlex.split(part) for part in line[2:].split(" | ")]
    return [words[1:] for words in found if words[0] == "modelwright"]


def parse(words: list[str]) -> None:
    """Raises a click error when the command line would."""
    group = cli._main
    with click.Context(group, info_name="modelwright") as context:
        if words[0].startswith("-"):
            group.make_context("modelwright", words, parent=None, resilient_parsing=True)
            return
        command = group.get_command(context, words[0])
        assert command is not None, f"{words[0]} is not a verb"
        command.make_context(words[0], words[1:], parent=context)


def test_a_wrong_command_would_be_found():
    with pytest.raises(click.UsageError):
        parse(["train", "digits", "--no-such-option"])
    with pytest.raises(AssertionError):
        parse(["trian", "digits"])


@pytest.mark.parametrize("page", sorted(TEXTS))
def test_make_targets_exist(page):
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:`|^\$ )make ([\w-]+)", TEXTS[page], re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("page", sorted(page for page in TEXTS if page.startswith("README")))
def test_links_of_the_readmes_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", TEXTS[page])
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_formulas_are_shown_with_code_that_exists():
    sources = hook("sources")
    lines = list(sources.LINE.finditer(TEXTS["docs/formulas.md"]))
    assert len(lines) > 30
    for line in lines:
        assert sources.source(line["place"], line["name"])[1].lstrip().startswith(("def ", "class ", "@"))


@pytest.mark.slow
def test_the_site_builds_strictly_and_without_the_network(tmp_path):
    pytest.importorskip("material")
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    html = {page: page.read_text("utf-8") for page in (tmp_path / "site").rglob("*.html")}
    for page, text in html.items():
        loaded = re.findall(r"<(?:script|img|iframe|link)[^>]+(?:src|href)=\"((?:https?:)?//[^\"]+)", text)
        assert not loaded, f"{page} loads {loaded}"
    formulas = html[tmp_path / "site" / "formulas" / "index.html"]
    assert "<math" in formulas
    assert r"\(" not in re.sub(r"<(pre|code).*?</\1>", "", formulas, flags=re.DOTALL)
