"""What later verbs did to the structure of a trained model: replayed on the model as the recipe builds it, before its weights
are loaded.

A part is a class whose options stand in the run's `resolved.yaml` under `transforms`; `apply(model)` changes the model
in place, so that its state has the names and shapes of the saved weights. Knows nothing of how a change was chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from .. import parts


def replay(model: nn.Module, transforms: Sequence[dict[str, Any]]) -> nn.Module:
    """Apply the transforms in their order; gives the same model back."""
    for config in transforms:
        parts.build("transforms", config).apply(model)
    return model
