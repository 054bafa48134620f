# The two commands that are promised: `make demo` and `make test`. They need Python 3.11 and make, nothing else.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# Bytecode is kept also where the environment says otherwise: each process of the tests would compile everything anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: install dev demo test test-slow check bench chaos fuzz screenshots lock audit clean

install: $(VENV)/.runtime ## .venv with contactsync in it

$(VENV)/bin/python:
	$(shell command -v $(PYTHON) || command -v python3) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

dev: $(VENV)/.dev ## …with what tests and checks need

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@

demo: install ## everything on this machine, against a stand-in for Salesforce; ARGS=--once ends by itself
	$(BIN)/contactsync demo $(ARGS)

test: dev ## the tests, but for the slow ones; ARGS="-k words" for some
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not slow" $(ARGS)

test-slow: dev ## whole installations, faults at every call, a short chaos, hostile input
	$(BIN)/python -m pytest -n 3 --dist worksteal -m slow $(ARGS)

check: dev ## lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: dev ## speed and memory, as ratios and counts
	$(BIN)/python -m tests.bench $(ARGS)

chaos: dev ## everything goes wrong at once: SEED=7 replays a run, N=5000 deliveries, DATABASE=sqlite|postgres|both
	$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(N),--deliveries $(N)) \
		--database $(or $(DATABASE),both) $(ARGS)

lock: dev ## the locks from pyproject.toml
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --quiet \
		pyproject.toml --output-file requirements.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --quiet \
		pyproject.toml --group dev --constraint requirements.txt --output-file requirements-dev.txt

fuzz: dev ## hostile input at the doors, the wire and the API, with figures; SEED= N=
	$(BIN)/python -m tests.hostile $(if $(SEED),--seed $(SEED)) $(if $(N),--n $(N))

screenshots: dev ## pictures of every page of the console, out of the demo, into docs/screenshots
	$(BIN)/python -m tests.browser.screenshots $(ARGS)

audit: dev ## known vulnerabilities of what is locked; Error 3: nobody could be asked
	$(BIN)/python bin/audit.py requirements.txt

clean:
	rm -rf $(VENV) build dist *.egg-info var
