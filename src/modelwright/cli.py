"""The command line: every file in `verbs/` is a command, its function's signature is its arguments and options.

Reports go to stdout, everything else to stderr. Exit codes: 0 good, 1 failed, 2 the user's mistake, 130 Ctrl-C.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import os
import shutil
import sys
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from . import __version__
from .errors import ModelwrightError, UserError, did_you_mean


def verb_names() -> list[str]:
    """The verbs, in the order a person meets them."""
    first = ["init", "check", "train", "evaluate", "compare", "predict", "show", "list"]
    found = sorted(p.stem for p in (Path(__file__).parent / "verbs").glob("[!_]*.py"))
    return [name for name in first if name in found] + [name for name in found if name not in first]


def verb(name: str) -> Callable[..., Any]:
    """The one public function of `verbs/<name>.py`."""
    module = importlib.import_module(f"modelwright.verbs.{name}")
    found = [
        value
        for key, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not key.startswith("_")
    ]
    assert len(found) == 1, f"{module.__name__} must define one public function, it defines {found}"
    return found[0]


class _Verbs(click.Group):
    def list_commands(self, context: click.Context) -> list[str]:
        return verb_names()

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        return _command(name, verb(name)) if name in verb_names() else None

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and args[0] not in verb_names():
            raise click.UsageError(f"'{args[0]}' is not a verb. {did_you_mean(args[0], verb_names())}")
        return super().resolve_command(context, args)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="modelwright", message="%(prog)s %(version)s")
def _main() -> None:
    """From your data to a measured model: a recipe goes in, a run folder comes out, every verb works on every run."""


def _command(name: str, function: Callable[..., Any]) -> click.Command:
    hints = typing.get_type_hints(function)
    text, _, described = (inspect.getdoc(function) or "").partition("Args:")
    help_of = {key: value for key, _, value in (line.strip().partition(": ") for line in described.splitlines())}
    parameters: list[click.Parameter] = []
    for key, parameter in inspect.signature(function).parameters.items():
        kind = _shell_type(hints.get(key, str))
        if kind is None:
            continue
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            flag = f"--{key.rstrip('_').replace('_', '-')}"
            if kind is bool:
                flag = f"{flag}/--no-{flag[2:]}" if parameter.default is True else flag
                parameters.append(
                    click.Option([flag, key], default=parameter.default, help=help_of.get(key), is_flag=True)
                )
            else:
                shown = parameter.default not in (None, "")
                parameters.append(
                    click.Option(
                        [flag, key], default=parameter.default, type=kind, help=help_of.get(key), show_default=shown
                    )
                )
        else:
            many = parameter.kind is inspect.Parameter.VAR_POSITIONAL
            required = parameter.default is inspect.Parameter.empty and not many
            given = {} if many or required else {"default": parameter.default}
            parameters.append(click.Argument([key], nargs=-1 if many else 1, required=required, type=kind, **given))
    parameters.append(
        click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object on stdout and nothing else.")
    )
    arguments = "\n".join(
        f"  {p.name.upper()}  {help_of[p.name]}"
        for p in parameters
        if isinstance(p, click.Argument) and p.name in help_of
    )
    text = text.strip() + (f"\n\n\b\n{arguments}" if arguments else "")
    return click.Command(name, params=parameters, help=text, callback=lambda **given: _run(function, given))


def _shell_type(hint: Any) -> type | None:
    """str, int, float or bool where the shell can give one; None for parameters only Python can fill."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    for kind in (bool, int, float, str):
        if kind in options:
            return kind
    return None


def _run(function: Callable[..., Any], given: dict[str, Any]) -> int:
    as_json = given.pop("as_json")
    arguments: list[Any] = []
    if "stream" in inspect.signature(function).parameters:  # what a verb tells while it works
        given["stream"] = None if as_json else sys.stdout
    for key, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            arguments.extend(given.pop(key))
        elif parameter.kind is not inspect.Parameter.KEYWORD_ONLY and key in given:
            arguments.append(given.pop(key))
    with contextlib.redirect_stdout(sys.stderr):  # whatever a library prints: stdout is for the report
        result = function(*arguments, **given)
        report = result.report() if hasattr(result, "report") else result
    if as_json:
        _print_json(report.data)
    elif report.write is not None:
        report.write()
    elif report.blocks:
        from .report import render_terminal

        width = min(140, max(60, shutil.get_terminal_size((100, 24)).columns))
        color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        click.echo(render_terminal(report, width=width, color=color))
    return report.exit_code


def _print_json(data: dict[str, Any]) -> None:
    from .files import finite

    click.echo(json.dumps(finite(data), ensure_ascii=False, default=str))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit. A mistake becomes one message, never a traceback; with `--json` it is also the
    object on stdout: `{"error": {"message", "where", "hint"}}`."""
    code = 0
    try:
        code = _main.main(args=arguments, prog_name="modelwright", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(2)
    except click.ClickException as error:
        usage = error.ctx.get_usage() + "\n" if isinstance(error, click.UsageError) and error.ctx else ""
        _fail(UserError(f"{error.format_message()}", where="command line"), arguments, usage)
    except (click.Abort, KeyboardInterrupt) as error:
        click.echo(f"interrupted. {error.__cause__ or ''}".strip(), err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except ModelwrightError as error:
        _fail(error, arguments)
    except Exception as error:
        hint = "This is a mistake in modelwright. MODELWRIGHT_TRACEBACK=1 shows where; please report it."
        _fail(ModelwrightError(f"{type(error).__name__}: {error}.", hint=hint), arguments)
    sys.exit(code)


def _fail(error: ModelwrightError, arguments: list[str] | None, usage: str = "") -> None:
    """Say what went wrong and exit."""
    if os.environ.get("MODELWRIGHT_TRACEBACK") and sys.exc_info()[0] is not None:
        raise
    click.echo(f"{usage}error: {error}", err=True)
    if "--json" in (sys.argv[1:] if arguments is None else arguments):
        _print_json({"error": {"message": error.message, "where": error.where, "hint": error.hint}})
    sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
