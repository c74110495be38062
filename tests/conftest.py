"""How the suite is spread over processes, and what a test must not leave behind for the next one in its process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from modelwright import parts


class Together(LoadScopeScheduling):
    """A file's tests stay together, and so do those of one family of models: they share what takes seconds."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        family = test.partition("[")[2].rpartition("-")[0] if file.endswith("test_verb_family_matrix.py") else ""
        return f"{file} {family}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    """Kinds that a test registers are known to it alone."""
    before = dict(parts._registered)
    yield
    parts._registered.clear()
    parts._registered.update(before)
