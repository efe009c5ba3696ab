# A machine with Python 3.11 or newer and make is enough: everything else is installed into .venv, from the locks
# in requirements/, by the first target that needs it. A second run installs nothing.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet install

# Some containers forbid Python to keep what it compiles. The tests start a thousand processes, and each would
# compile all of ours again: nearly half of what it takes a server to start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help serve dev test check generate bench clean

help: ## Show this
	@echo 'make serve     install the server and run it on http://127.0.0.1:8000 (its data is in ./data)'
	@echo '               the first start prints the key of the first organization; SERVE="--port 9000" adds options'
	@echo 'make test      run the whole test suite (TESTS="tests/unit -x" narrows it)'
	@echo 'make check     lint, formatting, types, the direction of imports, freshness of generated files'
	@echo 'make generate  write the generated files anew'
	@echo 'make bench     run the benchmarks'
	@echo 'make dev       install what the development targets need, and nothing else'
	@echo 'make clean     remove everything that was installed or built, and never ./data'
	@echo
	@echo 'PYTHON=python3.12 makes another Python the one to build $(VENV) with.'

serve: $(VENV)/server.installed
	@exec $(BIN)/stackroom serve $(SERVE)

dev: $(VENV)/dev.installed

# One worker per core. Tests of a module stay together, as they may share a server that is costly to start, and the
# modules in the order of tests/conftest.py: the plugin would begin with those that have many tests, which are short.
test: dev
	$(BIN)/python -m pytest --numprocesses=auto --dist=loadscope --no-loadscope-reorder $(TESTS)

check: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/lint-imports --no-logo --no-cache
	@for script in $(GENERATORS); do echo $(BIN)/python $$script --check; $(BIN)/python $$script --check || exit; done

GENERATORS = $(wildcard tools/generate_*.py)
generate: dev
	@for script in $(GENERATORS); do echo $(BIN)/python $$script; $(BIN)/python $$script || exit; done

bench: dev
	$(BIN)/python -m bench $(BENCH)

clean:
	rm -rf $(VENV) .venvs .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache build dist
	find . -path ./data -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# Nothing is compiled here: wheels only, but for pyvips, which has none and is pure Python when built without
# pkgconfig. What builds it, and our own package, is locked as well.
define install
	@echo 'Installing $(1) into $(VENV)'
	@$(PIP) --require-hashes --only-binary=:all: -r requirements/build.txt
	@$(PIP) --require-hashes --only-binary=:all: --no-binary=pyvips --no-build-isolation -r $(1)
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $(2)
endef

$(VENV)/server.installed: requirements/server.txt requirements/build.txt pyproject.toml | $(BIN)/python
	$(call install,$<,$@)

# The development lock holds all that the server's does, in the same versions.
$(VENV)/dev.installed: requirements/dev.txt requirements/build.txt pyproject.toml | $(BIN)/python
	$(call install,$<,$@ $(VENV)/server.installed)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'Stackroom needs Python 3.11 or newer, and $(PYTHON) is not: make PYTHON=/path/to/python3.12 ...' >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo '$(PYTHON) cannot make virtual environments: on Debian and Ubuntu, install python3-venv.' >&2; \
	  exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
