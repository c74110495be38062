import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of its own for every test."""
    folder = tmp_path / "the cache"
    monkeypatch.setenv("MODELWRIGHT_CACHE", str(folder))
    return folder
