# Everything runs in a virtual environment of its own; PYTHON may name any Python 3.11 to 3.13.
PYTHON ?= python3
SCALE ?= quick
VENV := .venv
BIN := $(VENV)/bin
# What puts packages into it; CI has a faster one (.ci/run).
INSTALL = $(BIN)/python -m pip install --quiet

.PHONY: reproduce test test-all bench lint format notebooks docs certificates accelerator clean

reproduce: $(VENV)/.installed
	$(BIN)/boostsim reproduce --scale $(SCALE)

# Each worker takes one half in order, so that a file is mostly compiled for once.
test: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --dist worksteal -q -m "not slow" --durations=20

test-all: $(VENV)/.test
	$(BIN)/python -m pytest -n 2 --dist worksteal -q --durations=20

bench: $(VENV)/.bench
	$(BIN)/python -m pytest tests/bench/bench_core.py tests/bench/bench_plane.py tests/bench/bench_sweep.py tests/bench/bench_certify.py tests/bench/bench_compare.py tests/bench/bench_neural.py tests/bench/bench_logs.py -q --confcutdir=tests/bench -p no:xdist --benchmark-columns=min,median

# Eight minutes at most on one GPU; SCALE=smoke is the same in small, on any machine.
accelerator: $(VENV)/.test
	$(BIN)/python tests/bench/accelerator.py --scale $(if $(filter smoke,$(SCALE)),smoke --out build/accelerator.json,full --out figures/full/accelerator.json)

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.lint
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

notebooks: $(VENV)/.test
	$(BIN)/python notebooks/execute.py

# Opens from a file: build/site/index.html. (The variable silences what the theme says of its heir.)
docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --config-file docs/site/mkdocs.yml

# Some minutes; pages built after it show the certificates themselves.
certificates: $(VENV)/.installed
	mkdir -p build
	$(BIN)/boostsim certify --json > build/certificates.json

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info[:2] <= (3, 13) else "boostsim needs Python 3.11 to 3.13; got " + sys.version.split()[0] + ". Name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(INSTALL) --editable .
	touch $@

$(VENV)/.%: pyproject.toml | $(VENV)/bin/python
	$(INSTALL) --editable '.[$*]'
	touch $@
