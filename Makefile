# Two commands do everything: `make demo` and `make test`. The rest is for those who work on Riskloom.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export UV_FIND_LINKS := $(PIP_FIND_LINKS)

.DEFAULT_GOAL := help
.PHONY: help demo test check install torch lint types floors unit bench lock clean

help: ## Show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: $(VENV)/.app ## Simulate, train, serve, attack, and show what was caught; stays up until Ctrl-C
	@$(BIN)/riskloom demo $(ARGS)

test: install ## Every test: checks, servers, brokers, browser, crashes
	@$(MAKE) --no-print-directory lint types floors
	$(BIN)/pytest -n 2 --dist loadgroup

check: lint types floors unit ## The inner loop: lint, types, floors, unit and law tests (under 3 minutes)

install: $(VENV)/.dev $(VENV)/.torch ## Everything for development, into .venv

torch: $(VENV)/.torch ## The trainer of the autoencoder (CPU build); serving never needs it

lint: $(VENV)/.dev
	@$(BIN)/ruff check src tests benchmarks
	@$(BIN)/ruff format --check -q src tests benchmarks || (echo "run: ruff format src tests benchmarks"; exit 1)

types: $(VENV)/.dev
	@$(BIN)/mypy

floors: $(VENV)/.dev
	@$(BIN)/lint-imports --no-logo

unit: $(VENV)/.dev
	$(BIN)/pytest -n 2 -m "not slow and not e2e" --ignore tests/server

bench: $(VENV)/.dev ## Measure what the README promises, beside the others, on this machine
	$(BIN)/riskloom bench $(ARGS)

lock: $(VENV)/bin/uv ## Pin every dependency again, with hashes
	$(BIN)/uv pip compile pyproject.toml --extra train --extra dashboard --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -q -c requirements/bounds.txt \
	  -o requirements/app.lock
	$(BIN)/uv pip compile pyproject.toml --extra train --extra dashboard --extra bench --extra explain \
	  --extra s3 --extra mlflow --extra pdf --group dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -q \
	  -c requirements/app.lock -o requirements/dev.lock

clean: ## Remove what was built
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist

$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  (echo "Riskloom needs Python 3.11 or newer; set PYTHON=python3.11"; exit 1)
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q --disable-pip-version-check uv || true

# uv installs in seconds what takes pip minutes; without uv, pip does it.
define install_locked
	@echo "installing $(1) into $(VENV) ..."
	@if [ -x $(BIN)/uv ]; then \
	  $(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r $(1); \
	else $(BIN)/pip install -q --disable-pip-version-check --require-hashes -r $(1); fi
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . 2>/dev/null || \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
endef

$(VENV)/.app: requirements/app.lock pyproject.toml | $(VENV)/bin/uv
	$(call install_locked,requirements/app.lock)
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(VENV)/bin/uv
	$(call install_locked,requirements/dev.lock)
	@touch $@ $(VENV)/.app

# The CPU build from PyTorch's own index, so that Linux does not fetch gigabytes of CUDA; where the index cannot be
# reached, pip takes the wheels that PIP_FIND_LINKS names. Its few dependencies are in the lock.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
$(VENV)/.torch: | $(VENV)/.dev
	@$(BIN)/python -c 'import torch' 2>/dev/null || (echo "installing torch into $(VENV) ..." && \
	  $(BIN)/pip install -q --no-deps --retries 1 --timeout 10 --index-url $(TORCH_INDEX) torch==2.13.0)
	@touch $@
