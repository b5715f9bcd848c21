# A machine with Python 3.11-3.13 and make is enough: every target sets up .venv first, once.

PYTHON ?= python3
BIN := .venv/bin
SEQTASKS := $(BIN)/seqtasks
SOURCES := seqtasks tests examples docs/conf.py docs/pictures/draw.py
# what seqtasks takes besides, of train-TASK its first command, for example: make train-TASK ARGS="--seed 1"
ARGS ?=
MODEL = saved_models/$*

.DEFAULT_GOAL := help
.PHONY: help setup check quick test test-slow test-thorough test-faults docs bench download train evaluate export clean

help:
	@echo "make setup              .venv with everything in it"
	@echo "make quick              format, lint, types and the tests that train nothing and start no process"
	@echo "make test               the same with all that is learned, exported and asked elsewhere"
	@echo "make train-TASK         train, evaluate and export a task: $(notdir $(basename $(filter-out %/__init__.py,$(wildcard seqtasks/tasks/*.py))))"
	@echo "make download-TASK evaluate-TASK export-TASK, and the same without -TASK for all tasks"
	@echo "make test-slow          tests on the real data sets, where they are"
	@echo "make test-thorough      the cells and settings that 'make test' leaves out"
	@echo "make test-faults        the long half of the fault injection"
	@echo "make docs               README's further pages as a site: docs/_build/html/index.html"
	@echo "make bench              side by side with what people would use instead"

# pip compiles to byte code whatever PYTHONDONTWRITEBYTECODE says: importing TensorFlow takes a third of the time then.
.venv/ready: pyproject.toml
	@echo "setting up .venv: TensorFlow is large, this takes a minute or two, once"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

setup: .venv/ready

check: setup
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy

# while one works: under three minutes
quick: check
	$(BIN)/pytest --numprocesses 2 --dist worksteal -m 'not trains and not slow and not faults and not thorough'

# three processes: most of a test's time is tracing, which one core does, and some wait until another has trained a model
test: check
	$(BIN)/pytest --numprocesses 3 --dist worksteal --durations 20

test-slow: setup
	$(BIN)/pytest -m slow

test-thorough: setup
	$(BIN)/pytest --numprocesses 2 --dist worksteal -m thorough

test-faults: setup
	$(BIN)/pytest --numprocesses 2 --dist worksteal -m 'faults or not slow' tests/faults

docs: setup
	$(BIN)/sphinx-build -W --keep-going -q docs docs/_build/html

bench: setup
	$(SEQTASKS) bench $(ARGS)

TASKS := $(patsubst seqtasks/tasks/%.py,%,$(filter-out %/__init__.py,$(wildcard seqtasks/tasks/*.py)))

download train evaluate export: %: $(TASKS:%=\%-%)

download-%: setup
	$(SEQTASKS) download $* $(ARGS)

train-%: setup
	$(SEQTASKS) train $* --model $(MODEL) $(ARGS)
	$(SEQTASKS) evaluate $* --model $(MODEL)

evaluate-%: setup
	$(SEQTASKS) evaluate $* --model $(MODEL) $(ARGS)

export-%: setup
	$(SEQTASKS) export $* --model $(MODEL) $(ARGS)

clean:
	rm -rf .venv build docs/_build *.egg-info .pytest_cache .mypy_cache .ruff_cache
