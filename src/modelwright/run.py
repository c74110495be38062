"""A Run: the folder that comes out of training, loaded, and put to work.

The folder holds data only: recipe.yaml, resolved.yaml, columns.json, model.safetensors, history.jsonl, metrics.json,
environment.json, status, report.html, reports/, card.md, checkpoints/. Knows nothing of how it was trained.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy, deepcopy
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from . import parts, transforms
from .checkpoint import load_tensors, save_tensors
from .errors import DataError, RecipeError, RunError, did_you_mean
from .files import write_json
from .prediction_files import pictures
from .recipe import Recipe
from .recipe import load as load_recipe
from .status import AGAIN, intact, read_json, read_status

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from torch import nn

    from .blocks.stream import Model
    from .data.shards import Vocabulary
    from .report import Report


class Run:
    """A trained model with its fitted columns, its recipe and its metrics.

    `path` is None for a run without a folder. The model is built on first use.
    """

    def __init__(
        self,
        recipe: Recipe,
        columns: dict[str, Any],
        *,
        path: Path | None = None,
        metrics: dict[str, Any] | None = None,
        model: nn.Module | None = None,
        transforms: Sequence[dict[str, Any]] = (),
    ) -> None:
        self.recipe, self.columns, self.path, self.metrics = recipe, columns, path, metrics or {}
        self.transforms = list(transforms)  # what later verbs did to the model that the recipe builds
        self.notes: list[str] = []
        self.problems: list[str] = []  # what could not be read in the rows predicted last
        self.made_by = "train"  # the verb whose report is shown
        if model is not None:
            self.model = model

    @classmethod
    def load(cls, path: str | Path, parts_from: Iterable[type] = ()) -> Run:
        """Open a run folder. `parts_from` are classes of parts from outside that the recipe names.

        Raises RunError when the folder is not a finished run or a file in it is damaged.
        """
        from .columns import load as load_columns

        path = Path(path)
        if (path / "config.json").exists() and not (path / "status").exists():  # a Hugging Face folder
            recipe = load_recipe({"data": "-", "model": {"kind": "language", "from": str(path)}})
            return cls(recipe, {}, path=path)
        for part in parts_from:
            parts.register("heads" if hasattr(part, "loss") else "encoders", part)
        status = read_status(path)
        if not (path / "model.safetensors").exists():
            if status.state == "finished":
                raise RunError("model.safetensors is missing.", where=str(path), hint=AGAIN)
            hint = "" if status.state == "running" else f"Continue it with: modelwright train --resume {path}"
            raise RunError(f"the run is {status.state}; it has no trained model yet.", where=str(path), hint=hint)
        with intact(path / "resolved.yaml"):
            values = _resolved(path)
            recipe = _known_recipe(values, path)
        recipe.base, recipe.source = path, str(path / "resolved.yaml")  # a name of data is not a file nearby
        columns: dict[str, Any] = {}
        if recipe.model.kind != "language":
            with intact(path / "columns.json"):
                columns = load_columns(read_json(path / "columns.json"))
        metrics = read_json(path / "metrics.json") if (path / "metrics.json").exists() else {}
        return cls(recipe, columns, path=path, metrics=metrics, transforms=values.get("transforms") or ())

    @cached_property
    def model(self) -> Model:
        """The trained model, in evaluation mode."""
        from .building import build_model

        assert self.path is not None
        if self.recipe.model.kind == "language":
            return self._language[0]
        model = transforms.replay(build_model(self.recipe, self.columns), self.transforms)
        return _with_weights(model, load_tensors(self.path / "model.safetensors"), self.path)

    @cached_property
    def _language(self) -> tuple[Any, Vocabulary]:
        from .data.shards import Vocabulary
        from .huggingface import open_folder

        assert self.path is not None
        model, tokenizer, kept = open_folder(self.path, self.transforms)
        return model, Vocabulary(tokenizer, kept["special"], kept["chat_template"])

    @property
    def vocabulary(self) -> Vocabulary:
        """A language model's tokenizer, special tokens and chat template."""
        if self.recipe.model.kind != "language":
            raise RunError("the run is no language model: it has no tokenizer.", where=str(self.path))
        return self._language[1]

    @cached_property
    def tokenizer(self) -> Any:
        """A language model's `tokenizers.Tokenizer`."""
        return self.vocabulary.tokenizer

    @cached_property
    def resolved(self) -> dict[str, Any]:
        """Everything that was chosen, as `resolved.yaml` has it."""
        return _resolved(self.path) if self.path else self.recipe.model_dump(exclude_none=True)

    @property
    def targets(self) -> dict[str, Any]:
        """The target columns by name."""
        return {name: column for name, column in self.columns.items() if column.target}

    @property
    def kinds(self) -> dict[str, str]:
        """Every target and what it is: the kind of its column, or `reconstruct`."""
        kinds = {name: parts.kind_of("columns", column) for name, column in self.targets.items()}
        return kinds | dict.fromkeys(self.recipe.rebuilt_names(), "reconstruct")

    def sample(self, count: int = 16, seed: int = 0) -> dict[str, Any]:
        """Draws from a variational autoencoder's prior: pictures as uint8 (count, H, W, C), a table as a pa.Table."""
        import pyarrow as pa

        from .reconstruction import sample

        found = sample(self.model, count, seed)
        return {n: t["picture"] if "picture" in t else pa.table(self._cells(t)) for n, t in found.items()}

    def predict(self, rows: Any, probabilities: bool = False) -> pa.Table:
        """Predict every row of a path, table, frame, dict of lists or list of dicts, in order; one row as a dict; or
        pictures, as a file or a folder of them.

        Gives a column `<target>` each, and with `probabilities` one `<target>_<class>` each. For what is written again:
        `<target>_score`, how surprising the row is (the bound on -log p in nats), and a table's columns as written. Columns
        that the model does not need are ignored. Raises DataError naming the columns that are missing.
        """
        import pyarrow as pa

        if self.recipe.model.kind == "language":
            from .data.corpus import masks_of
            from .data.reading import read
            from .perplexity import predict

            single = isinstance(rows, Mapping) and isinstance(rows.get("text"), str)
            table = read([rows] if single else rows, Path("."), masks_of(self.recipe.data)).table
            return predict(self.model, self.vocabulary, table)
        chunks = [self._decode(codes, probabilities) for codes in self.predict_codes(self.table_of(rows))]
        return pa.table({name: pa.chunked_array([chunk[name] for chunk in chunks]) for name in chunks[0]})

    def table_of(self, rows: Any) -> pa.Table:
        """Rows in any form that `predict` takes, as a table with every input column. Raises DataError where there is none."""
        from .columns import maskers

        images = [name for name, column in self.columns.items() if parts.kind_of("columns", column) == "image"]
        given = {images[0]: found} if len(images) == 1 and (found := pictures(rows)) else rows
        given = [given] if self._is_row(given) else given
        table = self.through_reader(given, maskers(self.recipe.columns), latest=True)
        where = str(rows) if isinstance(rows, (str, Path)) else "rows"
        self.require(table, where=where)
        if table.num_rows == 0:
            raise DataError("there is no row.", where=where)
        return table

    def through_reader(self, data: Any, masks: Any = None, latest: bool = False) -> pa.Table:
        """Rows as they were read, or, where they are none of the run's but what its reader makes rows of, these. latest: only
        those that a prediction is wanted of, where the reader knows them."""
        from .data.reading import read
        from .recipe_checks import reader_of

        table, spec = read(data, Path("."), masks).table, self.recipe.data
        inputs = [name for name, column in self.columns.items() if not column.target]
        kind = reader_of(spec)
        if kind and hasattr(parts.find("readers", kind), "again") and not {*inputs} & {*table.column_names}:
            options = {key: value for key, value in spec.items() if key not in (kind, "split")}
            return parts.build("readers", {"kind": kind, **options}, spec[kind]).again(table, latest)
        return table

    def _is_row(self, rows: Any) -> bool:
        """Whether a dict is one row: it names a column and gives one value."""
        inputs = [name for name, column in self.columns.items() if not column.target]
        given = [rows[name] for name in inputs if name in rows] if isinstance(rows, Mapping) else []
        return any(value is None or isinstance(value, (str, int, float, bytes)) for value in given)

    def require(self, table: pa.Table, targets: bool = False, where: str = "rows") -> None:
        """Raise DataError when a column the model reads is missing from `table`."""
        missing = [n for n, c in self.columns.items() if (targets or not c.target) and n not in table.column_names]
        if missing:
            names = ", ".join(repr(n) for n in missing)
            near = did_you_mean(missing[0], table.column_names)
            near = near if near.startswith("Did") else ""
            hint = f"Found: {', '.join(table.column_names[:30])}. {near}".strip()
            word = "the column" if len(missing) == 1 else "the columns"
            raise DataError(f"{word} {names} {'is' if len(missing) == 1 else 'are'} missing.", where=where, hint=hint)

    def predict_codes(self, table: pa.Table, rows_at_once: int = 8192) -> Iterator[dict[str, dict[str, np.ndarray]]]:
        """target -> the head's prediction, chunk after chunk of the table: memory stays constant. Sets `problems`."""
        from .building import own_encoders
        from .data.encoding import encode
        from .prediction import predict_encoded

        inputs = {name: copy(column) for name, column in self.columns.items() if not column.target}
        for column in inputs.values():
            column.problems = []
        own = own_encoders(self.recipe, self.columns)
        for start in range(0, table.num_rows, rows_at_once):
            yield predict_encoded(self.model, encode(table.slice(start, rows_at_once), inputs, own, cache=False))
        self.problems = [problem for column in inputs.values() for problem in column.problems]

    def generate(self, prompts: str | Sequence[str], **options: Any) -> list[Any]:
        """Texts for prompts, each a `generation.Written`; options as `generation.generate` takes them."""
        from .generation import generate

        return generate(self, [prompts] if isinstance(prompts, str) else prompts, **options)

    def _decode(self, codes: dict[str, dict[str, np.ndarray]], probabilities: bool) -> dict[str, pa.Array]:
        import pyarrow as pa

        decoded: dict[str, Any] = {}
        for name, tensors in codes.items():
            if name not in self.targets:
                if "loss" in tensors:
                    bound = next(
                        (-values for key, values in tensors.items() if key.startswith("bound_")), tensors["loss"]
                    )
                    decoded[f"{name}_score"] = pa.array(bound)
                decoded |= self._cells(tensors)
                continue
            for suffix, values in self.columns[name].decode(tensors).items():
                if not suffix:
                    decoded[name] = values
                elif probabilities or suffix in getattr(self.columns[name], "ends", ()):
                    decoded[f"{name}_{suffix}"] = values
        return decoded

    def _cells(self, tensors: dict[str, np.ndarray]) -> dict[str, pa.Array]:
        """A table as it was written again, column by column, as far as encodings can be undone."""
        from .building import own_encoders
        from .data.encoding import of_columns

        parts_ = of_columns(tensors, self.columns, own_encoders(self.recipe, self.columns))
        cells = {name: self.columns[name].invert(codes) for name, codes in parts_.items()}
        return {name: values for name, values in cells.items() if values is not None}

    def report(self) -> Report:
        """The report of the verb that made the run, with what to type next."""
        from .report import Report, Text

        assert self.path is not None
        file = self.path / "reports" / f"{self.made_by}.json"
        with intact(file):
            report = Report.from_json(file.read_text(encoding="utf-8")) if file.exists() else Report(str(self.path))
        short = Report(report.title, report.blocks[:12], {"run": str(self.path), "notes": self.notes, **self.metrics})
        following = f"modelwright predict {self.path} FILE; modelwright audit {self.path}; open {self.path}/report.html"
        short.blocks += [Text("", note) for note in self.notes] + [Text("Next", following)]
        return short

    def quantized(self, activations: str = "dynamic") -> Run:
        """This run with its weights as int8 from now on (run-time quantisation); the folder stays as it is.

        activations: "dynamic" rounds what dense layers read to int8 too, while they run; "none" does not.
        """
        added = {"kind": "int8", "activations": activations}
        model = transforms.replay(deepcopy(self.model), [added])
        run = copy(self)
        run.model, run.transforms = model, [*self.transforms, added]
        return run

    def save(self, path: Path) -> None:
        """Write what is needed to load this run again, besides its `resolved.yaml`."""
        from .columns import dump

        if self.recipe.model.kind == "language":
            return self._save_language(path)
        write_json(path / "columns.json", dump(self.columns))
        save_tensors(path / "model.safetensors", self.model.state_dict())

    def _save_language(self, path: Path) -> None:
        from . import huggingface

        model: Any = self.model
        words = self.vocabulary
        write = huggingface.write_changed if self.transforms else huggingface.write
        write(path, model, words.tokenizer, words.special, words.template)
        huggingface.write_weights(path, model)

    def to_bytes(self) -> bytes:
        """The run as one block of data (a zip of its files, no pickle); `from_bytes` is the inverse."""
        import safetensors.torch

        from .columns import dump

        if self.recipe.model.kind == "language":
            raise RunError("a language model is no block of data.", where=str(self.path), hint="Copy its folder.")
        recipe = self.recipe.model_dump(exclude={"base", "source"}, exclude_none=True) | {"data": "memory"}
        recipe["transforms"] = self.transforms
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("resolved.yaml", yaml.safe_dump(recipe, allow_unicode=True, sort_keys=False))
            archive.writestr("columns.json", json.dumps(dump(self.columns)))
            tensors = {name: value.contiguous() for name, value in self.model.state_dict().items()}
            archive.writestr("model.safetensors", safetensors.torch.save(tensors, {"format": "pt"}))
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Run:
        """A run from `to_bytes`."""
        import safetensors.torch

        from .building import build_model
        from .columns import load as load_columns

        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            values = yaml.safe_load(archive.read("resolved.yaml"))
            changed = values.pop("transforms", [])
            recipe = load_recipe(values)
            columns = load_columns(json.loads(archive.read("columns.json")))
            tensors = safetensors.torch.load(archive.read("model.safetensors"))
        model = transforms.replay(build_model(recipe, columns), changed)
        return cls(recipe, columns, model=_with_weights(model, tensors, Path("bytes")), transforms=changed)


def _resolved(path: Path) -> dict[str, Any]:
    with intact(path / "resolved.yaml"):
        values = yaml.safe_load((path / "resolved.yaml").read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError(f"expected a mapping, found {type(values).__name__}")
    return values


def _known_recipe(values: dict[str, Any], path: Path) -> Recipe:
    try:
        return load_recipe({key: value for key, value in values.items() if key in Recipe.model_fields})
    except RecipeError as error:
        if not any("is not a kind of" in line for line in error.lines):
            raise
        hint = "A class of your own is named by Run.load(path, parts_from=[ItsClass]); a package's must be installed."
        raise RunError(f"the run cannot be built here. {'; '.join(error.lines)}", where=str(path), hint=hint) from None


def _with_weights(model: nn.Module, tensors: dict[str, Any], where: Path) -> nn.Module:
    try:
        model.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        raise RunError(
            f"the weights do not fit the recipe ({str(error).splitlines()[-1].strip().rstrip('.')}).",
            where=str(where),
            hint=AGAIN,
        ) from None
    return model.eval()
