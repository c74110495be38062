"""Weights as int8."""

from __future__ import annotations

from torch import Tensor

from .. import transforms
from ..blocks.decoder import join
from ..blocks.quantized import Activations
from ..parts import Count
from ._bits import require_plain
from ._inputs import watch
from ._work import Work


class Int8:
    """Round every matrix of weights to int8, a scale for each output.

    Options:
        activations: dense layers also round what they read: "dynamic" by each row's largest value while they run,
            "static" by the largest of training rows; "none" leaves it as it is.
        rows: training rows that "static" looks at.
    """

    def __init__(self, *, activations: Activations = "none", rows: Count = 512) -> None:
        self.activations, self.rows = activations, rows

    def apply(self, work: Work) -> None:
        """Raises UserError where the weights are in few bits already."""
        require_plain(work, "int8")
        largest: dict[str, Tensor] = {}

        def see(name: str, x: Tensor) -> None:
            largest[name] = max(largest.get(name, x.new_zeros(())), x.abs().amax())

        if self.activations == "static":
            join(work.model)
            watch(work.model, work.calibration(self.rows), see)
        config = {"kind": "int8", "activations": self.activations}
        transforms.replay(work.model, [config])
        for name, value in largest.items():
            work.model.get_submodule(name).input_scale.copy_(value / 127)  # type: ignore[operator,union-attr]
        work.transforms.append(config)
