# A fresh clone needs Python 3.11, for the pins of requirements.txt, and make: `make demo`, `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Touched when the environment matches requirements.txt.
READY := $(VENV)/.ready
# A process for each core, with one thread; the tests of one file run in one process.
TESTS := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo page test test-all fuzz soak lint format

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(READY): requirements.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $(READY)

demo: $(READY) ## generate pairs, train briefly, evaluate, infer: the whole in about a minute, into demo/
	$(BIN)/python scripts/demo.py --output demo

page: $(READY) ## a page in the browser for pairs of your own; installs Gradio first
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-page.txt
	$(BIN)/python scripts/demo_page.py

test: $(READY) ## the test suite without its slow tests
	$(TESTS)

test-all: $(READY) ## the whole test suite
	$(TESTS) -m ''

fuzz: $(READY) ## 10,000 mutated files for every reader, in about ten minutes
	STEREO_FUZZ_INPUTS=10000 $(BIN)/python -m pytest -m '' tests/fuzz

soak: $(READY) ## 2,000 pairs, 200 of them broken, interrupted and resumed: about half an hour
	$(BIN)/python tests/fuzz/soak.py

lint: $(READY) ## ruff, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
