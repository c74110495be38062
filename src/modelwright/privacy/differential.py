"""Differentially private training (DP-SGD, Abadi 2016) and its ledger of epsilon.

One step draws every training row with probability q (Poisson sampling), clips each drawn row's gradient to the norm C, adds
them up with noise N(0, (sigma C)^2) and divides by the expected number of rows: w is changed by
`(sum_i g_i min(1, C / |g_i|) + sigma C z) / (q N)`. What all steps together tell of one row is at most (epsilon, delta), by
the accountants of opacus. `privacy.json` in the run folder holds every training that the weights went through.

Batches and noise come from one secret seed, drawn from the operating system, so that a resumed run repeats the very same
steps, which tells nothing new. It stands in `checkpoints/` alone, which is deleted when training ends.
"""

from __future__ import annotations

import math
import secrets
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import yaml

from ..blocks.stream import Batch, Model
from ..data.batches import Batches, generator
from ..errors import MissingExtra, Problem, UserError
from ..files import write_json
from ..loop import StepOptions, Terms
from ..preparation import Prepared
from ..recipe import Recipe
from ..report import Block, Number, Section, Table, Text
from ..status import intact, read_json
from . import _rows

LEDGER = "privacy.json"
LOUD = 0.5  # noise of a step, in multiples of the longest sum of clipped gradients, above which little is learned
Training = dict[str, Any]


class Poisson:
    """Batches in which every row stands with the same chance, whatever the others do; some may be empty. A pure function
    of (secret, epoch, step), as the noise is: `random` of the step at hand draws first the rows, then the noise."""

    def __init__(self, batches: Batches, secret: int) -> None:
        self.batches, self.secret = batches, secret
        self.steps, self.size, self.rate = batches.steps, batches.size, batches.size / batches.rows
        self.random: torch.Generator | None = None

    def rows_of(self, number: int, step: int) -> list[int]:
        """The rows of the data in one batch."""
        self.random = generator(self.secret, number, step)
        return self.batches.index[torch.rand(self.batches.rows, generator=self.random) < self.rate].tolist()

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from step `start` on."""
        for step in range(start, self.steps):
            batch = self.batches.encoded.batch(torch.tensor(self.rows_of(number, step), dtype=torch.int64))
            augment, rows = self.batches.augment, len(next(iter(batch.values())))
            yield augment(batch, generator(self.batches.seed, number, step), number) if augment and rows else batch


class Private:
    """One training that keeps its rows private: Poisson batches, `gradients` for the loop, and the ledger's entry."""

    def __init__(self, entry: Training, way: _rows.Way, secret: int) -> None:
        self.entry, self.way, self.secret = entry, way, secret
        self.source: Poisson | None = None

    def draw(self, batches: Batches) -> Poisson:
        """The same rows, drawn anew for every step."""
        self.source = Poisson(batches, self.secret)
        return self.source

    def gradients(self, model: Model, batch: Batch, options: StepOptions) -> Terms:
        """The noisy mean of the rows' clipped gradients; of no row, the noise alone."""
        assert self.source is not None and self.source.random is not None, "a batch is drawn first"
        parameters, clip = list(_rows.trainable(model).values()), self.entry["clip"]
        if len(next(iter(batch.values()))):
            sums, terms = _rows.in_pieces(self.way, model, batch, clip, options.accumulate)
        else:
            sums = [torch.zeros_like(parameter) for parameter in parameters]
            terms = {name: (torch.zeros(()), torch.zeros(())) for name in model.targets}
        for parameter, total in zip(parameters, sums):
            noise = torch.randn(parameter.shape, generator=self.source.random).to(parameter.device)
            parameter.grad = total.add_(noise, alpha=self.entry["noise"] * clip).div_(self.source.size)
        return terms

    gradients.private = True  # type: ignore[attr-defined]  # `fit` takes no others for a recipe with privacy


def begin(recipe: Recipe, prepared: Prepared, folder: Path) -> Private | None:
    """What a recipe with `privacy` trains with; from here on `prepared` draws Poisson batches. Writes the ledger with all
    steps that are planned, so that a killed run never says too little. None for a recipe without."""
    if recipe.privacy is None:
        return None
    if not isinstance(recipe.train.batch, int):
        recipe.train.batch = prepared.train_rows
    model = prepared.build()
    try:
        way = _rows.fitting_way(model, prepared.encoded.batch(prepared.index(0)[:8]))
    except UserError as error:
        message = f"{error.message}, so that no row's own can be bounded."
        raise recipe.error([Problem(("privacy",), message, error.hint)]) from None
    ledger = read_json(folder / LEDGER) if (folder / LEDGER).exists() else _new_ledger(recipe, prepared, folder)
    entry = ledger["trainings"][-1]
    entry["parameters"] = sum(parameter.numel() for parameter in _rows.trainable(model).values())
    if way is _rows.by_row:
        print("privacy: this model is trained row by row, which is slow.", file=sys.stderr)
    for line in _warnings(ledger):
        print(f"privacy: {line}", file=sys.stderr)
    private = Private(entry, way, _secret(recipe, folder))
    write_json(folder / LEDGER, ledger)
    prepared.draw = private.draw
    return private


def finish(folder: Path, steps: int) -> dict[str, Any]:
    """The ledger with the steps that were really made."""
    ledger = read_json(folder / LEDGER)
    ledger["trainings"][-1]["steps"] = steps
    ledger["epsilon"] = spent(ledger["trainings"], ledger["delta"], ledger["accountant"])
    write_json(folder / LEDGER, ledger)
    return ledger


def spent(trainings: list[Training], delta: float, accountant: str) -> float:
    """The epsilon of all trainings together, as the accountant of opacus composes them. Raises MissingExtra."""
    try:
        from opacus import accountants
    except ImportError:
        raise MissingExtra("opacus", "privacy") from None
    account = {"prv": accountants.PRVAccountant, "rdp": accountants.RDPAccountant}[accountant]()
    account.history = [(each["noise"], each["rate"], each["steps"]) for each in trainings]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of orders that are tried
        return float(account.get_epsilon(delta))


def _secret(recipe: Recipe, folder: Path) -> int:
    """The seed of batches and noise: what an interrupted training has kept, or a new one."""
    assert recipe.privacy is not None
    if recipe.privacy.seed is not None:
        return recipe.privacy.seed
    file = folder / "checkpoints" / "secret.json"
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        file.touch(mode=0o600)
        write_json(file, {"seed": secrets.randbits(128)})
    return int(read_json(file)["seed"])


def _new_ledger(recipe: Recipe, prepared: Prepared, folder: Path) -> dict[str, Any]:
    privacy, train, rows = recipe.privacy, recipe.train, prepared.train_rows
    assert privacy is not None and isinstance(train.batch, int)
    batch, delta = train.batch * train.accumulate, privacy.delta or min(1e-5, 0.5 / rows)
    problems = []
    if batch > rows:
        message = f"{batch:,} rows a step of {rows:,} rows."
        problems.append(Problem(("train", "batch"), message, f"Give {rows} at most."))
    if delta * rows >= 1:
        message = f"{delta:g} is not below 1 / {rows:,}: it would allow one row to be published."
        problems.append(Problem(("privacy", "delta"), message, f"Give {0.1 / rows:.0e}, or leave it out."))
    if problems:
        raise recipe.error(problems)
    steps = train.steps or int(train.epochs or 1) * math.ceil(rows / batch)
    entry = {"run": folder.name, "rows": rows, "batch": batch, "rate": batch / rows, "steps": steps}
    entry |= {"clip": privacy.clip, "seed": "secret" if privacy.seed is None else "in the recipe"}
    before = _before(recipe)
    entry["noise"] = privacy.noise or _noise(recipe, entry, before, delta)
    trainings = [*before, entry]
    ledger = {"epsilon": spent(trainings, delta, privacy.accountant), "delta": delta}
    return {**ledger, "accountant": privacy.accountant, "trainings": trainings}


def _noise(recipe: Recipe, entry: Training, before: list[Training], delta: float) -> float:
    """The least noise with which all trainings together stay within epsilon, to a thousandth."""
    privacy = recipe.privacy
    assert privacy is not None and privacy.epsilon is not None
    epsilon = privacy.epsilon

    def is_enough(noise: float) -> bool:
        return spent([*before, {**entry, "noise": noise}], delta, privacy.accountant) <= epsilon

    low, high = 0.0, 1.0
    while not is_enough(high):
        low, high = high, 2 * high
        if high > 1000:
            already = f" The run it starts from has spent {spent(before, delta, privacy.accountant):.2f}." * bool(
                before
            )
            message = f"no noise keeps {entry['steps']:,} steps within an epsilon of {epsilon:g}.{already}"
            raise recipe.error([Problem(("privacy", "epsilon"), message, "Give a larger one, or fewer steps.")])
    while high - low > 1e-3 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _before(recipe: Recipe) -> list[Training]:
    """The trainings that the weights to start from went through. Raises RecipeError where these learned from the same
    data without privacy."""
    if not recipe.model.start:
        return []
    path = Path(recipe.model.start)
    ledger = read_json(path / LEDGER) if (path / LEDGER).exists() else {}
    if "trainings" in ledger:  # a federation's speaks of whole clients
        return list(ledger["trainings"])
    with intact(path / "resolved.yaml"):
        data = yaml.safe_load((path / "resolved.yaml").read_text("utf-8"))["data"]
    if data == recipe.plain()["data"]:
        message = "its weights have learned from the same data without privacy."
        raise recipe.error([Problem(("model", "from"), message, "Start from random weights.")])
    return []


def _warnings(ledger: dict[str, Any]) -> list[str]:
    entry = ledger["trainings"][-1]
    noise = entry["noise"] * math.sqrt(entry["parameters"]) / entry["batch"]
    if noise < LOUD:
        return []
    return [
        f"{entry['rows']:,} rows are few for an epsilon of {ledger['epsilon']:.2g} and {entry['parameters']:,} parameters: the "
        f"noise of a step is {noise:.2g} times what all its rows can weigh. Use a smaller model (a linear one: hidden: "
        "[]), a larger batch, a pretrained encoder with frozen: true, or more rows."
    ]


def blocks(ledger: dict[str, Any], columns: dict[str, Any]) -> list[Block]:
    """What a report says of privacy: the guarantee, what it covers and what not, and the ledger."""
    known = [entry["run"] for entry in ledger["trainings"] if entry["seed"] != "secret"]
    last = ledger["trainings"][-1]
    covered = (
        f"The weights hardly depend on any one of the {last['rows']:,} training rows: whatever is done with them, what can "
        f"be told from them is at most e^{ledger['epsilon']:.2f} = {math.exp(ledger['epsilon']):.3g} times as likely with a row as "
        f"without it, but for a probability of {ledger['delta']:.0e}. It holds for a row, not for a person with several."
    )
    named = list(columns)[:5] + ([f"{len(columns) - 5} more"] if len(columns) > 5 else [])
    exposed = (
        f"What columns.json keeps of the training rows (scales, categories, vocabularies of {', '.join(named)}), the loss of the "
        "training rows in the curves, the rows for validation and testing with all that is shown of them here, and every "
        "choice that was made by comparing trainings (rates, sizes: each training spends its own epsilon)."
    )
    told = ["run", "rows", "batch", "steps", "noise", "clip"]
    lines = [[entry[key] for key in told] for entry in ledger["trainings"]]
    note = f"Sampling rates and noise composed by the {ledger['accountant'].upper()} accountant; noise in multiples of clip."
    found: list[Block] = [
        Section("Privacy"),
        Number("epsilon", ledger["epsilon"], note=f"delta {ledger['delta']:.0e}"),
        Text("Covered", covered),
        Text("Not covered", exposed),
        *[Text("Not covered", f"{name}: {c.exposes}") for name, c in columns.items() if hasattr(c, "exposes")],
        Table("Ledger", told, lines, note=note),
    ]
    if known:
        reason = f"The seed of {', '.join(known)} is known: the noise can be taken away. For experiments only."
        found.insert(1, Text("No guarantee", reason, "warning"))
    return found + [Text("Privacy", line, "warning") for line in _warnings(ledger)]
