# make demo   install, make both phantom datasets, score models and readers, write demo/report.html
# make test   the whole test suite
# make check  lint, spelling, types and import rules

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --constraint constraints.txt

.PHONY: help demo test check format demo-weights clean

help:
	@grep '^# make' Makefile | sed 's/^# //'

$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "installing ctbench into $(VENV) (a minute or two)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) -m venv failed; on Debian: apt-get install python3-venv"; exit 1; }
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@$(PIP) --editable ".[test]"
	@touch $@

demo: $(VENV)/.installed
	@$(BIN)/ctbench demo

test: $(VENV)/.installed-test
	$(BIN)/pytest -n 2 --dist worksteal --durations 15

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

clean:
	rm -rf $(VENV) demo runs
