# `make run` and `make test` each set up everything they need on a fresh machine (Python 3.10+ and pip).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-bench

.PHONY: install install-dev run test check bench fields docs clean

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
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

check: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check src tests
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_house.py

# Side by side with other libraries, in an environment of its own. More: make bench ARGUMENTS="--large --rounds 3"
bench: $(PEERS)/.ready
	$(PEERS)/bin/python benchmarks/run.py $(ARGUMENTS)

$(PEERS)/.ready: pyproject.toml constraints.txt benchmarks/requirements.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet --constraint constraints.txt --requirement benchmarks/requirements.txt --editable .
	@touch $@

# The recipes of the ten fields on real data below $MODELWRIGHT_DATA, and the table of docs/fields.md. Some of them, or minutes
# instead of hours: make fields ARGUMENTS="speech vision" or ARGUMENTS="--short"
fields: install-dev
	$(BIN)/python recipes/fields.py $(ARGUMENTS)

docs: install-dev
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) $(PEERS) build dist site
