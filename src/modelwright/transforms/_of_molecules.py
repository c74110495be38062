"""How message passing over molecules is narrowed: the neurons between a layer's two dense ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..encoders.message_passing import MessagePassing
from ._units import Read, Units, makes, reads, units


@units.register
def _message_passing(encoder: MessagePassing, read: Read) -> Iterator[Units]:
    layers: list[Any] = list(encoder.layers)
    for layer in layers:
        yield Units(makes(layer.inner), reads(layer.outer))
