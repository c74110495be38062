# `make run` and `make test` each set up everything they need on a fresh machine (Python 3.10+ and pip).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: install install-dev run test check bench docs clean

install: $(VENV)/.core

install-dev: $(VENV)/.dev

$(VENV)/.core: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

run: install
	$(BIN)/modelwright train digits

test: install-dev
	$(BIN)/python -m pytest

check: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check src tests
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_house.py

bench: install-dev
	$(BIN)/python benchmarks/run.py

docs: install-dev
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) build dist site
