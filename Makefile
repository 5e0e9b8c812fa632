# `make demo` and `make test` each work as the first command on a fresh machine: both set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
PINS := constraints.txt pyproject.toml setup.py
DECLARATIONS ?= 200000
TESTS := OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadgroup --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup demo test check types bench clean

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## .venv with pinned versions, Java 17, Delta's jars
	@echo "ready: $(BIN)/haiguan --help"

$(READY): $(PINS)
	@sh .ci/setup "$(PYTHON)" "$(VENV)"
	@touch $@

demo: $(READY) ## the whole flow on made data, and where the report is
	@$(BIN)/haiguan simulate --out build/demo/files --declarations $(DECLARATIONS)
	@$(BIN)/haiguan run --conf conf/demo.yaml

test: $(READY) ## every test; ends by counting those that need real data and were skipped
	@$(TESTS)

check: $(READY) types ## ruff, mypy and every test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check jobs transforms expectations tests benchmarks setup.py
	@$(TESTS)

types: $(READY)
	@mkdir -p .types/haiguan
	@for folder in jobs transforms expectations; do ln -sfn "$(CURDIR)/$$folder" .types/haiguan/$$folder; done
	@MYPYPATH=.types $(BIN)/mypy -p haiguan.jobs -p haiguan.transforms -p haiguan.expectations

bench: $(READY) ## the same work in Haiguan and in other engines, as ratios
	@$(BIN)/python -m benchmarks

clean: ## remove what demo and tests have built; .venv stays
	@rm -rf build dist .types .mypy_cache .pytest_cache .ruff_cache
