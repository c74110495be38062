"""A recipe with fitted columns: what its encoders read, what its targets are, and the model that it builds."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from . import parts
from .blocks.stream import Source
from .data.encoding import TABLE, keys, sources
from .errors import Problem, did_you_mean
from .recipe import Recipe


def model_sources(recipe: Recipe, columns: dict[str, Any]) -> list[Source]:
    """What the encoders read: the table, and each column with an encoder of its own."""
    inputs = {name: column for name, column in columns.items() if not column.target}
    found = sources(inputs, own_encoders(recipe, columns))
    known = [source.name for source in found]
    unknown = [name for name in recipe.model.encoders if name not in known]
    if unknown:
        raise recipe.error(
            [Problem(("model", "encoders", n), "there is no such input.", did_you_mean(n, known)) for n in unknown]
        )
    return found


def own_encoders(recipe: Recipe, columns: dict[str, Any]) -> set[str]:
    """The table's columns for which the recipe names an encoder of their own."""
    return {name for name in recipe.model.encoders if name in columns and columns[name].group is not None}


def targets_of(recipe: Recipe, columns: dict[str, Any]) -> dict[str, tuple[str, dict]]:
    """target -> its column's kind and sizes; what is rebuilt is of kind `reconstruct`, with its Source."""
    found = {n: (parts.kind_of("columns", column), column.sizes()) for n, column in columns.items() if column.target}
    rebuilt = recipe.rebuilt_names()
    if not rebuilt:
        return found
    by_name = {source.name: source for source in model_sources(recipe, columns)}
    place = keys(columns, own_encoders(recipe, columns))
    for name in rebuilt:
        source = by_name.get(place.get(name, name))
        if source is None:
            hint = f"Rebuild it whole ({TABLE}: {{head: reconstruct}}), or name its encoder under model.encoders."
            raise recipe.error([Problem(("targets", name), "it is one of the table's columns.", hint)])
        found[name] = ("reconstruct", {"source": source})
    return found


def build_model(recipe: Recipe, columns: dict[str, Any]) -> nn.Module:
    """The model of a complete recipe, initialised from the recipe's seed."""
    torch.manual_seed(recipe.train.seed)
    weights = {name: float(recipe.targets.get(name, {}).get("weight", 1.0)) for name in recipe.target_names()}
    model = parts.find("models", recipe.model.kind)
    try:
        with recipe.places():
            return model(
                model_sources(recipe, columns),
                targets_of(recipe, columns),
                encoders=recipe.model.encoders,
                fuse=recipe.model.fuse,
                heads=recipe.model.heads,
                weights="uncertainty" if recipe.model.weights == "uncertainty" else weights,
                **recipe.model.options,
            )
    except (RuntimeError, MemoryError) as error:
        if not any(word in str(error).lower() for word in ("memory", "overflow")):
            raise
        message = "the model is too large for the memory of this machine."
        raise recipe.error([Problem(("model",), message, "Use smaller widths, or fewer of them.")]) from None
