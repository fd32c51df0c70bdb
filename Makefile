# Two commands set everything up on a machine with Python 3.11+ and make:
#   make demo   makes the example dataset, builds the crate, zips it, damages a copy, verifies all
#   make test   lint, types, contracts and tests
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
DEMO = demo
STAMP = $(VENV)/.installed

.PHONY: demo test lint unit deep bench format profile clean

$(STAMP): pyproject.toml src/crate_iscc/version.py
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "crate-iscc needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[test,bench]'
	touch $@

demo: $(STAMP)
	@sh examples/demo.sh $(BIN) $(DEMO)

test: lint unit

lint: $(STAMP)
	$(BIN)/ruff format --check src tests examples benchmarks profiles
	$(BIN)/ruff check src tests examples benchmarks profiles
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python profiles/make_profile.py --check

unit: $(STAMP)
	$(BIN)/python -m pytest -n auto -m 'not deep'

# Slow and very thorough: more examples, larger inputs, kill -9 in the middle of writes.
deep: $(STAMP)
	HYPOTHESIS_PROFILE=deep $(BIN)/python -m pytest -n auto

bench: $(STAMP)
	$(BIN)/python benchmarks/bench.py
	$(BIN)/python benchmarks/bench_validate.py

format: $(STAMP)
	$(BIN)/ruff format src tests examples benchmarks profiles
	$(BIN)/ruff check --fix src tests examples benchmarks profiles

# The profile's page and its crate, after a change of specification, shapes or examples.
profile: $(STAMP)
	$(BIN)/python profiles/make_profile.py

clean:
	rm -rf $(VENV) $(DEMO) build dist
