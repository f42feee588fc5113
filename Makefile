# hansa's workshop. Fresh machine: `make demo`. All targets: `make help`.
#
# Everything lives in .venv. One stamp file per set of extras (base < dev < all) makes a second run quick; a bigger set
# satisfies the smaller ones. To use another interpreter: make PYTHON=python3.12 demo

PYTHON  ?= python3
EXTRAS  ?= dev
WORKERS ?= auto
ARGS    ?=

VENV := .venv
BIN  := $(VENV)/bin
PIP  := $(BIN)/python -m pip --disable-pip-version-check --quiet install --constraint constraints.txt

# One BLAS thread a process: the same bits everywhere, and no process crowds out its neighbours.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench soak clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.stamp-base  ## train the demo's banks: a table here, a page in demo/report.html
	$(BIN)/hansa demo $(ARGS)

test: $(VENV)/.stamp-$(EXTRAS)  ## run the tests and name what is skipped (EXTRAS=all: with every optional library)
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q -rsfE $(ARGS)

lint: $(VENV)/.stamp-dev  ## hold the rules: style, types, floors, sizes, banned names
	@failed=; for check in "ruff check ." "ruff format --check ." mypy "lint-imports --no-logo" "python tools/check_house.py"; \
	do echo "== $$check"; $(BIN)/$$check || failed="$$failed [$$check]"; done; \
	test -z "$$failed" || { echo "failed:$$failed" >&2; exit 1; }

format: $(VENV)/.stamp-dev  ## lay out the code, and mend what ruff can mend
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(VENV)/.stamp-$(EXTRAS)  ## measure each claim of speed (EXTRAS=all: against PyTorch too)
	@for bench in $(addprefix benches/,simulation.py frameworks.py memory.py network.py secure.py); do echo "== $$bench"; $(BIN)/python $$bench $(ARGS) || exit 1; done

soak: $(VENV)/.stamp-$(EXTRAS)  ## run the long tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -q -rsfE -m soak --timeout 3600 $(ARGS)

clean:  ## remove what was made here, .venv too
	rm -rf $(VENV) .venv-dev build demo dist .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.stamp-base: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "Installing hansa: half a minute the first time, no machine-learning framework ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/.stamp-dev: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "Installing hansa and its tools: a minute the first time ..."
	@$(PIP) --editable '.[dev]'
	@touch $(VENV)/.stamp-base $@

$(VENV)/.stamp-all: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "Installing hansa, its tools and every optional library: minutes the first time ..."
	@$(PIP) --editable '.[all]'
	@touch $(VENV)/.stamp-base $(VENV)/.stamp-dev $@

$(VENV)/.stamp-%:
	@echo "EXTRAS=$* is none of: base, dev, all" >&2; exit 2

$(BIN)/pip:
	@command -v $(PYTHON) >/dev/null || \
	  { echo "There is no $(PYTHON) here. Name one: make PYTHON=/path/to/python3.11 ..." >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "hansa needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1)." \
	         "Name another: make PYTHON=python3.11 ..." >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt install python3-venv" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV)
