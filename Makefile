SHELL := /bin/bash
VENV := .venv/bin

.PHONY: run test lint tests attack crash simulate bench install clean help

help:  ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */  make \1\t/' | expand -t 16

run:  ## everything on this machine, with a first share; Ctrl-C ends it
	@scripts/install run
	@exec $(VENV)/abaca serve --install --first-share hello

test: install lint tests  ## the whole test suite; installs what it needs

install:
	@scripts/install test
	@$(VENV)/abaca doctor --install --tests

lint:  ## style, types, import rules
	$(VENV)/ruff check src tests bench scripts
	$(VENV)/ruff format --check src tests bench scripts
	$(VENV)/mypy
	$(VENV)/lint-imports

tests:  ## the tests alone, without attacks; make tests ARGS="tests/cli -x"
	$(VENV)/python -m pytest -n 3 --dist loadgroup --durations 15 $(or $(ARGS),--ignore tests/attack)

attack:  ## attack every wall of docs/security.md; prints the attempts and what got through
	@scripts/install test
	@$(VENV)/abaca doctor --install --tests
	$(VENV)/python -m pytest -n 2 --dist loadgroup --durations 5 tests/attack $(ARGS)

crash:  ## kill -9 at every point of every operation; the figures go to docs/reliability.md
	@scripts/install test
	$(VENV)/python -m pytest -n 2 --dist loadgroup tests/crash/test_kill.py \
		--figures docs/reliability.json $(ARGS)
	$(VENV)/python -m abaca.testing.reliability

simulate:  ## play 100,000 simulated histories, or one: make simulate ARGS="--seed 17"
	@scripts/install test
	$(VENV)/python -m abaca.testing.simulation $(ARGS)

bench:  ## measure, and compare with the incumbent
	@scripts/install test
	$(VENV)/python -m bench $(ARGS)

clean:  ## remove the virtual environment and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
