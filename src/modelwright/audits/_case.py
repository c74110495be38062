"""What every check looks at, a run with its own rows and maybe others, and what a check says: findings with a light.

Knows runs and predictions; no check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import torch

from .. import parts, perplexity, tasks
from ..building import own_encoders
from ..columns import Ragged
from ..data import corpus
from ..data.encoding import Encoded, encode, summaries
from ..errors import DataError, RunError
from ..loop import total_loss
from ..metrics import guesses
from ..prediction import predict_encoded
from ..report import Block, shown
from ..significance import Z, wilson

Light = Literal["good", "warning", "bad", "none"]
CLASSED = ("category", "boolean")
VALUED = ("number", "vector")
MOST, QUICK = 2_000, 400  # rows of a part that are looked at
PASSAGE = 1_000  # characters of a long text that count as one row
DOCUMENTS = 20_000


@dataclass(frozen=True)
class Finding:
    """A row of the report: the figure, what it means and what to do; `none` is no light, only information."""

    light: Light
    what: str
    value: float | int | str | None
    meaning: str
    advice: str = ""
    interval: Sequence[float] | None = None
    unit: str = ""

    @property
    def found(self) -> str:
        """The figure in words."""
        write = "{:g}".format if self.unit else shown  # shares come rounded
        ends = f" [{write(self.interval[0])}, {write(self.interval[1])}]" if self.interval else ""
        return f"{write(self.value)}{ends} {self.unit}".strip()


Findings = list[Finding | Block]
"""What a check gives: rows of the report, and blocks for its section."""


def percent(share: float, rows: int | None = None) -> dict[str, Any]:
    """A share as a finding's value, with its Wilson interval where it is one of `rows`."""
    ends = wilson(share * rows, rows) if rows else None
    return {
        "value": round(100 * share, 1),
        "interval": [round(100 * e, 1) for e in ends] if ends else None,
        "unit": "%",
    }


def light(value: float, warning: float, bad: float) -> Light:
    """The light of a figure of which less is better."""
    return "bad" if value >= bad else "warning" if value >= warning else "good"


@dataclass(frozen=True)
class Sample:
    """The rows `index` of a table and of its encoding. A language model's rows are texts, encoded as token ids."""

    table: pa.Table
    encoded: Encoded
    index: np.ndarray

    def __len__(self) -> int:
        return len(self.index)

    @property
    def raw(self) -> pa.Table:
        """The rows as they were read."""
        return self.table.take(self.index)

    def few(self, most: int, seed: int = 0) -> Sample:
        """At most so many of the rows, drawn at random."""
        if len(self) <= most:
            return self
        return replace(self, index=np.sort(np.random.default_rng(seed).choice(self.index, most, replace=False)))


def together(case: Case, one: Sample, other: Sample) -> dict[str, Any]:
    """The encoded inputs of both, one below the other, as the few numbers that a column makes of them where it does."""
    found: dict[str, Any] = {}
    for key, values in one.encoded.inputs.items():
        if not key.endswith(".mask"):
            two: list[Any] = [values[one.index], other.encoded.inputs[key][other.index]]
            found[key] = Ragged.concatenate(two) if isinstance(values, Ragged) else np.concatenate(two)
    if case.is_language:
        return found
    return summaries(found, case.run.columns, own_encoders(case.run.recipe, case.run.columns))


@dataclass(frozen=True)
class Quality:
    """How well each row is predicted: `values` (N,), NaN where there is no truth."""

    name: str  # accuracy, absolute error or loss
    values: np.ndarray
    higher: bool  # is better

    @property
    def known(self) -> np.ndarray:
        return self.values[np.isfinite(self.values)]

    @property
    def mean(self) -> float:
        return float(self.known.mean()) if len(self.known) else float("nan")

    @property
    def interval(self) -> list[float] | None:
        """95 % of the mean: Wilson's for shares, otherwise the normal one."""
        known = self.known
        if len(known) < 2:
            return None
        if self.name == "accuracy":
            return wilson(float(known.sum()), len(known))
        half = Z * float(known.std(ddof=1)) / len(known) ** 0.5
        return [self.mean - half, self.mean + half]

    def worse(self, other: Quality) -> float:
        """By what share of its own size this mean is worse than the other; less than 0 where it is better."""
        change = self.mean - other.mean
        return (-change if self.higher else change) / max(abs(other.mean), 1e-9)


class Case:
    """A run under audit. Everything is computed when it is first asked for.

    data: rows to compare with. quick: fewer rows, no trained shadows. seconds: what training shadows may take, `shadows`
    of them at most. seed: of whatever is drawn.
    """

    def __init__(
        self,
        run: Any,
        data: Any = None,
        *,
        quick: bool = False,
        seconds: float = 120.0,
        shadows: int = 8,
        seed: int = 0,
    ) -> None:
        self.run, self.data, self.quick, self.seed = run, data, quick, seed
        self.seconds, self.count = (0.0 if quick else seconds), shadows
        self.most = QUICK if quick else MOST

    @cached_property
    def shadows(self) -> Any:
        """Models trained like the run on halves of its rows (`_shadows.Shadows`); None where there is no time."""
        from . import _shadows

        return _shadows.train(self)

    @property
    def is_language(self) -> bool:
        return self.run.recipe.model.kind == "language"

    @cached_property
    def prepared(self) -> Any:
        """The run's data again, with its split."""
        return tasks.find(self.run.recipe.model.kind).reopen(self.run)

    @cached_property
    def train(self) -> Sample:
        """The rows that were learned from."""
        return self._part(0)

    @cached_property
    def validation(self) -> Sample:
        return self._part(1)

    @cached_property
    def held(self) -> Sample:
        """The rows that judge: those of the test, or, where there are none, the validation rows."""
        test = self._part(2)
        found = test if len(test) else self.validation
        if not len(found):
            hint = "Train with a split that holds some back: data: {split: {fractions: [0.8, 0.1, 0.1]}}."
            raise RunError("this needs rows that the run has not learned from.", where=str(self.run.path), hint=hint)
        return found

    @cached_property
    def other(self) -> Sample:
        """The rows given to compare with."""
        if self.data is None:
            hint = "modelwright audit RUN DATA"
            raise RunError("this needs a second file to compare with.", where=str(self.run.path or "run"), hint=hint)
        where = str(self.data) if isinstance(self.data, (str, Path)) else "rows"
        if self.is_language:
            return self._texts(corpus.read(self.data, split=False), "train")
        table = self.run.through_reader(self.data)
        self.run.require(table, where=where)
        if not table.num_rows:
            raise DataError("there is no row.", where=where)
        columns = {n: c for n, c in self.run.columns.items() if not c.target or n in table.column_names}
        encoded = encode(table, columns, own_encoders(self.run.recipe, self.run.columns), cache=False)
        return Sample(table, encoded, np.arange(table.num_rows))

    def _part(self, number: int) -> Sample:
        if self.is_language:
            return self._texts(self.prepared.corpus, ("train", "validation", "test")[number])
        return Sample(self.prepared.rows.table, self.prepared.encoded, self.prepared.index(number))

    def _texts(self, found: corpus.Corpus, part: str) -> Sample:
        """A corpus' documents, or passages of its only one, as rows."""
        texts, text = list[str](), ""
        for piece, ends in found.parts[part]() if part in found.parts else ():
            text += piece if isinstance(piece, str) else "\n".join(turn["content"] for turn in piece)
            if found.single:
                whole = len(text) // PASSAGE * PASSAGE
                texts += [text[i : i + PASSAGE] for i in range(0, whole, PASSAGE)]
                text = text[whole:]
            elif ends:
                texts, text = [*texts, text], ""
            if len(texts) >= DOCUMENTS:
                break
        return self.reread(pa.table({"text": pa.array([*texts, text] if text else texts, pa.string())}))

    def reread(self, table: pa.Table) -> Sample:
        """Rows of the run's own table, changed, through the fitted columns."""
        rows = np.arange(table.num_rows)
        if self.is_language:
            found = self.run.vocabulary.tokenizer.encode_batch_fast(table.column("text").to_pylist())
            return Sample(table, Encoded({"text": Ragged.of([one.ids for one in found])}, {}, table.num_rows), rows)
        own = own_encoders(self.run.recipe, self.run.columns)
        return Sample(table, encode(table, self.run.columns, own, cache=False), rows)

    def classes(self, sample: Sample, target: str, model: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """(N, K) probabilities of a target with classes, and (N,) the true ones, -1 where they are not known."""
        tensors = predict_encoded(model or self.run.model, sample.encoded, sample.index, only=[target])[target]
        truth = np.asarray(self.run.columns[target].truth(sample.encoded.targets[target][sample.index])).ravel()
        if self.run.kinds[target] == "category":
            return tensors["probabilities"].astype(np.float64), truth.astype(np.int64)
        yes = tensors["probability"].ravel().astype(np.float64)
        return np.stack([1 - yes, yes], 1), np.where(np.isnan(truth), -1, np.nan_to_num(truth)).astype(np.int64)

    @property
    def classed(self) -> list[str]:
        """The targets with classes."""
        return [name for name, kind in self.run.kinds.items() if kind in CLASSED]

    def qualities(self, sample: Sample, model: Any = None) -> dict[str, Quality]:
        """Target -> how well each row is predicted: right or wrong where it has classes, the absolute error in its unit
        where it is a number. All other targets together are measured by their loss in nats."""
        model, found = model or self.run.model, {}
        for name in self.classed:
            probabilities, codes = self.classes(sample, name, model)
            right = (guesses(probabilities) == codes).astype(np.float64)
            found[name] = Quality("accuracy", np.where(codes >= 0, right, np.nan), True)
        valued = [name for name, kind in self.run.kinds.items() if kind in VALUED]
        predicted = predict_encoded(model, sample.encoded, sample.index, only=valued) if valued else {}
        for name, tensors in predicted.items():
            column = self.run.columns[name]
            error = column.comparable(tensors)["value"] - column.truth(sample.encoded.targets[name][sample.index])
            found[name] = Quality("absolute error", np.abs(error).reshape(len(sample), -1).mean(1), False)
        others = [name for name in self.run.kinds if name not in found] or (["text"] if self.is_language else [])
        if others:
            found[", ".join(others)] = Quality("loss", self.losses(sample, model), False)
        return found

    @torch.inference_mode()
    def losses(self, sample: Sample, model: Any = None) -> np.ndarray:
        """(N,) each row's loss, its targets added by their weights; NaN where no target is known."""
        model = model or self.run.model
        if self.is_language:
            texts = sample.raw.column("text").to_pylist()
            return perplexity.of_texts(model, self.run.vocabulary, texts, min(model.context, 1024))["loss"]
        found = np.full(len(sample), np.nan)
        for place in range(len(sample)):
            torch.manual_seed(self.seed)  # what a loss draws is the same for every row
            terms = model(sample.encoded.batch(sample.index[place : place + 1]))
            terms = {name: (value, count) for name, (value, count) in terms.items() if float(count) > 0}
            if terms:
                found[place] = float(total_loss(terms, {n: count for n, (_, count) in terms.items()}, model.weights))
        return found

    def certainty(self, sample: Sample, model: Any = None) -> np.ndarray:
        """(N,) how sure the model is of the truth: log p - log(1 - p) of the first target's true class (Carlini 2022,
        eq. 5), or minus the loss where there are no classes. NaN without a truth."""
        if not self.classed:
            return -self.losses(sample, model)
        probabilities, codes = self.classes(sample, self.classed[0], model)
        rows, true = np.arange(len(codes)), np.maximum(codes, 0)
        own = probabilities[rows, true]
        probabilities[rows, true] = 0.0
        odds = np.log(np.maximum(own, 1e-7)) - np.log(np.maximum(probabilities.sum(1), 1e-7))
        return np.where(codes >= 0, odds, np.nan)

    def pictures(self) -> list[str]:
        """The input columns that encoders read as images."""
        return [name for name, column in self.run.columns.items() if not column.target and column.source == "image"]

    def inputs(self, *kinds: str) -> list[str]:
        """The input columns of these kinds."""
        named = {n: parts.kind_of("columns", c) for n, c in self.run.columns.items() if not c.target}
        return [name for name, kind in named.items() if kind in kinds]
