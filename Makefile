# Everything a fresh machine with Python 3.11+ and make needs. `make sandbox` and `make test` are the two to know.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=

# Tests start hundreds of processes: what they run is compiled once, whatever the environment asks for.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help sandbox test test-long test-all lint format bench screenshots requirements clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

# A stamp is written last, so an interrupted installation is done again rather than believed.
$(VENV)/.runtime: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Opt-Out Desk needs Python 3.11 or newer.")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.txt
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@

# What strangers made, for the tests that need it: Slack's own clients and types, the accessibility checker.
NODE := tests/node/node_modules/.installed
$(NODE): tests/node/package-lock.json
	cd tests/node && npm ci --silent --ignore-scripts
	@touch $@

sandbox: $(VENV)/.runtime  ## try the product: embedded Slack, embedded database, the real bot
	@exec $(BIN)/python -m bot sandbox $(ARGS)

LINT = $(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy .

lint: $(VENV)/.dev  ## ruff and mypy --strict
	$(LINT)

# The markers, which pyproject.toml explains, of what takes long or needs more than Python.
LONG := strangers or browser or chaos or wide

# These tests wait more than they work, so that two cores have time for four at once, and for lint, which takes one core
# most of a minute. What it says stands among the dots; when it failed, that is said again at the end.
test: $(VENV)/.dev  ## lint, types and the tests that every change needs
	($(LINT)) & lint=$$!; $(BIN)/pytest -n 4 -m "not ($(LONG))" $(ARGS); tested=$$?; \
	wait $$lint || { echo "Lint failed; what it says stands above, or is said by: make lint" >&2; exit 1; }; exit $$tested

test-long: $(VENV)/.dev $(if $(shell command -v npm),$(NODE))  ## the other tests: strangers, browser, chaos and wide runs
	$(BIN)/pytest -n 3 -m "$(LONG)" $(ARGS)

# One after the other, also with -j: both together are more than two cores.
test-all: test  ## both
	@$(MAKE) --no-print-directory test-long

format: $(VENV)/.dev  ## lay the code out
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev  ## measure; prints the tables of docs/benchmarks.md
	$(BIN)/python -m tests.bench $(ARGS)

screenshots: $(VENV)/.dev  ## write docs/answers.md and docs/refusals.md, take the pictures of docs/ anew
	$(BIN)/python -m tests.answers --pictures

requirements: $(VENV)/.dev  ## pin the dependencies of pyproject.toml anew, with hashes
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --universal --generate-hashes --python-version 3.11 --no-header --upgrade -q -o requirements.txt
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --generate-hashes --python-version 3.11 --no-header -q -c requirements.txt -o requirements-dev.txt

clean:  ## remove what the commands above made
	rm -rf $(VENV) tests/node/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
