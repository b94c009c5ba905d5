# make demo   install, make both phantom datasets, score models and readers, write demo/report.html
# make test   the whole test suite
# make test-full-size   some steps of each model's training at the size of the paper: minutes each, up to 16 GiB
# make docs   the documentation as a site, docs/_build/html/index.html
# make check  lint, spelling, types and import rules
# make locks  write requirements/ anew from pyproject.toml and constraints.txt; needs uv
#
# LOCKED=1    install what requirements/ holds, each file checked by its SHA-256 (Linux: with torch for graphics cards)
# LOCK=lowest with LOCKED=1: the oldest versions that pyproject.toml allows, for Python 3.11 on Linux

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKED ?=
LOCK ?= py$(TAG)
TESTS ?=
TAG = $(shell $(PYTHON) -c 'import sys; print("%d%d" % sys.version_info[:2])')
PIP := $(BIN)/pip install --quiet --constraint constraints.txt
PIP_LOCKED = $(BIN)/pip install --quiet --require-hashes --requirement requirements/$(LOCK).txt

.PHONY: help demo test test-full-size docs check format demo-weights locks clean

help:
	@grep '^# make' Makefile | sed 's/^# //'

$(VENV)/.installed: pyproject.toml constraints.txt $(wildcard requirements/*.txt)
	@echo "installing ctbench into $(VENV) (a minute or two)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) -m venv failed; on Debian: apt-get install python3-venv"; exit 1; }
ifdef LOCKED
	@$(PIP_LOCKED)
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
else
	@$(PIP) --editable ".[all]"
endif
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
ifndef LOCKED
	@$(PIP) --editable ".[test]"
endif
	@touch $@

demo: $(VENV)/.installed
	@$(BIN)/ctbench demo

# compiled modules are kept, whatever the environment says: the tests start hundreds of processes that import ctbench;
# one thread each: networks and matrices that two processes compute on the same two cores wait for each other's threads
test: $(VENV)/.installed-test
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal --durations 15 $(TESTS)

test-full-size: $(VENV)/.installed-test
	$(BIN)/pytest -n 0 -s -m full_size --durations 0 tests/reference_models/test_full_size.py

$(VENV)/.installed-docs: $(VENV)/.installed
ifndef LOCKED
	@$(PIP) --editable ".[docs]"
endif
	@touch $@

# a warning is an error: a link that leads nowhere, a page that no other names, an example that fails
docs: $(VENV)/.installed-docs
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs docs/_build/html
	@echo "wrote docs/_build/html/index.html"

check: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# fits what comes with the package, on the training splits of the phantoms
demo-weights: $(VENV)/.installed
	$(BIN)/python -m reference_models.demo_weights

COMPILE = uv pip compile --quiet --generate-hashes --no-header --no-annotate
PINNED = $(COMPILE) --universal --constraint constraints.txt
EXTRAS = --extra all --extra dev --extra docs --extra test --extra wandb

locks:
	for tag in 11 12 13; do \
		$(PINNED) $(EXTRAS) --python-version 3.$$tag --output-file requirements/py3$$tag.txt pyproject.toml >/dev/null || exit 1; \
	done
	$(PINNED) --python-version 3.11 --output-file requirements/tools.txt requirements/tools.in >/dev/null
	$(COMPILE) --resolution lowest-direct --extra all --extra test --python-version 3.11 --python-platform linux \
		--output-file requirements/lowest.txt pyproject.toml >/dev/null

clean:
	rm -rf $(VENV) demo runs docs/_build docs/gallery docs/reference
