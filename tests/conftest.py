"""How the suite is spread over processes: a file's tests stay together, and so do those of one family of models."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling


class Together(LoadScopeScheduling):
    """What shares a fixture that takes seconds runs in one process."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        family = test.partition("[")[2].rpartition("-")[0] if file.endswith("test_verb_family_matrix.py") else ""
        return f"{file} {family}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)
