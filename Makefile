# Everything runs in .venv; `make setup` is repeated only when the dependencies change.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# `make bench BENCH=--quick`, or rows by name: see bench/hardware.py.
BENCH ?=

# One torch thread per test worker: two workers already fill two cores.
TEST_ENV := OMP_NUM_THREADS=1 PYTHONPATH=

.PHONY: setup demo test prove lint bench nightly

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make setup PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/tailor demo --out demo_out

test: setup
	$(TEST_ENV) $(BIN)/python -m pytest -n 2 --dist loadgroup --cov --cov-report=term:skip-covered

prove: setup
	$(TEST_ENV) $(BIN)/python -m generator.tools.proofs

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python bench/reference_speed.py
	$(BIN)/python bench/hardware.py $(BENCH)

nightly: setup
	$(TEST_ENV) $(BIN)/python -m pytest -m nightly
