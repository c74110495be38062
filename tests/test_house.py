"""The house rules of docs/architecture.md: levels, sizes, public names, start-up without torch."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

import modelwright

PACKAGE = Path(modelwright.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
LEVELS = {
    0: "errors parts recipe_checks report pages files",
    1: "recipe recipe_options columns blocks decoding losses metrics significance tag_metrics text_metrics optimizers schedules",
    2: "encoders fuse heads data",
    3: "models transforms checkpoint",
    4: "fitting building preparation session reconstruction prediction prediction_files evaluation generation loop run status speed choices progress huggingface lora perplexity provenance publication card adversarial readers",
    5: "baselines tasks training estimators compression explainers privacy audits exporters",
    6: "verbs checks",
    7: "cli",
}
LEVEL = {room: level for level, rooms in LEVELS.items() for room in rooms.split()}
ROOMS_OF_PARTS = (
    "columns", "readers", "encoders", "fuse", "heads", "models", "transforms", "baselines", "compression", "explainers", "audits", "verbs"
)  # fmt: skip
DOOR = {"__init__"}


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports(path: Path) -> list[tuple[str, str]]:
    """(room, whole dotted name inside the package) of every import of the package in a file, functions included."""
    depth = len(path.relative_to(PACKAGE).parts) - 1
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = list(path.relative_to(PACKAGE).parts[: depth - (node.level - 1)])
        module = base + (node.module.split(".") if node.module else [])
        names = [module] if node.module or base else [[alias.name] for alias in node.names]
        if not node.module:
            names = [[*base, alias.name] for alias in node.names]
        found += [(name[0], ".".join(name)) for name in names if name]
    return found


def test_every_room_has_a_level():
    assert {room_of(path) for path in FILES} - DOOR == set(LEVEL)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_downward(path):
    room = room_of(path)
    if room in DOOR:
        return
    for target, name in imports(path):
        if target in ("__version__", room) or target in DOOR:
            continue
        assert LEVEL[target] <= LEVEL[room], f"{path.name} (level {LEVEL[room]}) imports {name} (level {LEVEL[target]})"


@pytest.mark.parametrize("room", ROOMS_OF_PARTS)
def test_parts_of_one_room_do_not_import_each_other(room):
    for path in (PACKAGE / room).glob("[!_]*.py"):
        siblings = {p.stem for p in (PACKAGE / room).glob("[!_]*.py")}
        for target, name in imports(path):
            assert not (target == room and name.split(".")[1:2] and name.split(".")[1] in siblings), (
                f"{path} imports {name}"
            )


def functions(path: Path) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_and_functions_are_small(path):
    assert len(path.read_text("utf-8").splitlines()) <= 400
    part = path.parent.name in (*ROOMS_OF_PARTS, "blocks")
    for function in functions(path):
        assert function.end_lineno - function.lineno < 60, f"{function.name} is too long"
        arguments = [*function.args.args, *function.args.kwonlyargs]
        supplied = [a for a in arguments if a.arg not in ("self", "cls")]
        if not (part and function.name in ("__init__", path.stem)):  # the options of a part or layer are its signature
            assert len(supplied) <= 8 or path.name in ("optimizers.py",), (
                f"{function.name} takes {len(supplied)} arguments"
            )


def code_lines(path: Path) -> int:
    """Lines with code on them: no blank lines, comments or docstrings."""
    text = path.read_text("utf-8")
    nodes = [n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)]
    quoted = {line for node in nodes for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    skip = {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skip:
            found |= set(range(token.start[0], token.end[0] + 1))
    return len(found - quoted)


def test_the_house_stays_small():
    lower = [path for path in FILES if LEVEL.get(room_of(path), 9) <= 4]
    assert sum(map(code_lines, lower)) < 20_000  # docs/decisions/0015
    rooms: dict[str, int] = {}
    for path in FILES:
        rooms[room_of(path)] = rooms.get(room_of(path), 0) + code_lines(path)
    large = {room: lines for room, lines in rooms.items() if lines >= 1500 and LEVEL.get(room, 0) > 4}
    assert not large


def test_inheritance_is_shallow():
    import torch

    from modelwright import parts

    for room in ("encoders", "fuse", "heads", "models"):
        for kind in parts.kinds(room):
            if not parts.origin(room, kind).startswith(str(PACKAGE)):
                continue  # another test's own part
            mro = parts.find(room, kind).__mro__
            assert mro.index(torch.nn.Module) <= 2, f"{room}.{kind}"


def test_public_names_are_pinned():
    names = [name for name in modelwright.__all__ if not name.startswith("__")]
    assert len(names) <= 40
    assert names == sorted(names, key=names.index)
    for name in names:
        assert getattr(modelwright, name) is not None
    with pytest.raises(AttributeError, match="no 'trian'"):
        _ = modelwright.trian


@pytest.mark.parametrize(
    "code",
    [
        "import modelwright",
        "from modelwright.cli import main; main(['--help'])",
        "from modelwright.cli import main; main(['list', '/nowhere'])",
    ],
)
def test_starts_without_torch(code):
    script = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nassert 'torch' not in sys.modules, 'torch'\nassert 'sklearn' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_stubs():
    for path in FILES:
        text = path.read_text("utf-8")
        for word in ("TO" + "DO", "FIX" + "ME", "raise NotImplemented" + "Error"):
            assert word not in text, f"{word} in {path}"
