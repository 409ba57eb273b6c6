# The commands of the portal. `make` prints them.

PYTHON ?= python3
PORT ?= 5000
IN := .venv/bin/python
# What a check or a test run needs to know; nothing here is a secret of a running portal.
FOR_TESTS := SECRET_KEY=not-a-secret-only-for-checks-and-tests PYTHONHASHSEED=0
CHECKED := portal tests tools bench migrations config.py wsgi.py worker.py

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test check bench fix migration snapshot

help:  ## Print these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## Make .venv and fetch the front-end parts, if anything changed
	@$(PYTHON) tools/setup_env.py

setup-dev:
	@$(PYTHON) tools/setup_env.py --dev

demo: setup  ## Run the whole portal here with its demo data (PORT=5000; RESET=1 starts over); Ctrl-C stops it
	@PORT=$(PORT) RESET=$(RESET) exec $(IN) -m portal.demo

test: setup-dev  ## Run every test on SQLite and on PostgreSQL, with the browser (ONLY="tests/unit -k name" for some)
	@$(FOR_TESTS) $(IN) tools/run_tests.py $(ONLY)

check: setup-dev  ## Format, lint, types, import rules, migrations in step with the models
	@$(FOR_TESTS) $(IN) tools/check.py $(CHECKED)

bench: setup-dev  ## Run the benchmarks and print their table
	@$(FOR_TESTS) $(IN) -m bench

fix: setup-dev  ## Format, and mend what the linter can mend
	@$(IN) -m ruff format $(wildcard $(CHECKED))
	@$(IN) -m ruff check --fix $(wildcard $(CHECKED))

migration: setup-dev  ## Write a migration for what changed in the models: make migration m="Say what"
	@$(FOR_TESTS) $(IN) tools/write_migration.py "$(m)"

snapshot: setup-dev  ## Write the snapshots of the house tests anew: guards and public addresses
	@$(FOR_TESTS) PORTAL_SNAPSHOT=write $(IN) -m pytest -q -p no:cacheprovider tests/house/test_routes.py
