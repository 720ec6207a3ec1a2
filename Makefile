# `make demo` and `make test` need nothing but Python 3.11 or newer and a network that reaches a package index.

PYTHON ?= python3
VENV ?= .venv
ROOMS = agents constitutions experiments hierarchy training
PIP_INSTALL = $(VENV)/bin/python -m pip install -qq --disable-pip-version-check -c constraints.txt

export RAY_USAGE_STATS_ENABLED = 0
export TOKENIZERS_PARALLELISM = false

.DELETE_ON_ERROR:
.PHONY: help env demo test nightly bench bench-train lint format clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

env: $(VENV)/.installed ## make or refresh the environment

# The stamp is newer than what it was made from, so the environment is rebuilt only when those files change.
$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; $(PYTHON) is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12 ...")'
	@echo "Installing into $(VENV) (a few minutes and about 2 GB the first time) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP_INSTALL) -e '.[dev]'
	@touch $@

demo: env ## run the whole oversight loop on tiny language models
	$(VENV)/bin/oversight run experiments/configs/demo.yaml

test: env ## run the test suite
	$(VENV)/bin/python -m pytest

nightly: env ## run the tests that are too long for `make test`
	HYPOTHESIS_PROFILE=new $(VENV)/bin/python -m pytest -m nightly

bench: env ## measure the engine against flat loops, and the text path against other frameworks
	-@$(PIP_INSTALL) -e '.[bench]' || echo "The extra 'bench' cannot be installed; what needs it is skipped."
	$(VENV)/bin/python -m benchmarks

bench-train: env ## measure fine-tuning against a bare PyTorch loop and TRL
	$(VENV)/bin/python -m benchmarks.train

lint: env ## run the linters and the type checker
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: env ## put the code into the house format
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean: ## remove the environment and the caches; runs are kept
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
