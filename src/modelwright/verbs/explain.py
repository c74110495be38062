"""The verb `explain`."""

from __future__ import annotations

from typing import Any

from ..provenance import recorded
from ..report import Report
