# Everything a developer types. `make help` lists the verbs; CI runs `make test`.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
PYTEST_WORKERS ?= 2
DATA ?=
BENCH ?=
QUICK ?=

.PHONY: help
help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## make .venv from the hash-pinned lock, and fetch the console's libraries by their hashes
	@tools/setup
	@$(BIN)/python tools/assets.py

.PHONY: demo
demo: setup ## one whole quarter over HTTP, checked (DATA=dir for a company of your own)
	@$(BIN)/python -m ops.demo $(if $(DATA),--data "$(DATA)")

.PHONY: up
up: setup ## serve API and worker with an embedded database until Ctrl-C
	@$(BIN)/merit up --demo

.PHONY: test
test: setup ## everything that CI runs
	@tools/postgresql
	@tools/debian chromium:chromium /usr/share/fonts/opentype/noto:fonts-noto-cjk \
		promtool:prometheus systemd-analyze:systemd openssl:openssl pgbackrest:pgbackrest pdftotext:poppler-utils
	@tools/patroni
	@tools/canaille
	@$(MAKE) lint types contracts docs-check
	@echo "== audit"; $(BIN)/python tools/audit.py --unless-away
	@echo "== tests"; $(BIN)/pytest -n $(PYTEST_WORKERS) --dist loadgroup

.PHONY: test-fast
test-fast: setup ## the tests that need no database
	@$(BIN)/pytest -q -n $(PYTEST_WORKERS) tests/domain tests/architecture tests/golden

.PHONY: explore
explore: setup ## the laws with examples that nobody has tried yet (ARGS=--hypothesis-seed=1)
	@MERIT_EXPLORE=1 $(BIN)/pytest -q -n $(PYTEST_WORKERS) --dist loadgroup $(ARGS) \
		tests/domain tests/tenancy tests/projections

.PHONY: lint
lint: setup ## ruff, all rules, and its formatter
	@echo "== lint"; $(BIN)/ruff check --no-cache . && $(BIN)/ruff format --check .

.PHONY: types
types: setup ## mypy, strict
	@echo "== types"; $(BIN)/mypy

.PHONY: contracts
contracts: setup ## who may import whom
	@echo "== contracts"; $(BIN)/lint-imports

.PHONY: docs
docs: setup ## write docs/reference from the code
	@$(BIN)/python tools/reference.py

.PHONY: docs-check
docs-check: setup
	@echo "== docs"; $(BIN)/python tools/reference.py --check

.PHONY: audit
audit: setup ## known weaknesses of the locked packages, and secrets in the tree
	@echo "== audit"; $(BIN)/python tools/audit.py

.PHONY: image
image: setup ## build the container image without a registry, and start it with a read-only root
	@tools/image

.PHONY: bench
bench: setup ## peers and limits side by side (BENCH=append; QUICK=1 for a short one; LARGE=1 of replay, close)
	@tools/postgresql
	@tools/debian wrk:wrk
	@tools/umadb || echo "bench: goes on without UmaDB" >&2
	@$(BIN)/python -m loadtests.bench $(BENCH) $(if $(QUICK),--quick) $(if $(LARGE),--large)

.PHONY: load
load: setup ## a month-end surge against a server that it starts (QUICK=1: the thirty seconds of CI)
	@tools/postgresql
	@$(BIN)/python -m loadtests.surge $(if $(QUICK),--smoke)

.PHONY: failover
failover: setup ## break a real cluster of three under load, check everything (QUICK=1: three faults)
	@tools/postgresql
	@tools/patroni
	@$(BIN)/merit failover drill $(if $(QUICK),--short --etcd 1)

.PHONY: sbom
sbom: setup ## every locked package as CycloneDX, build/sbom.json
	@$(BIN)/python tools/sbom.py

.PHONY: lock
lock: setup ## resolve the dependencies anew and pin them by hash, without addresses
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --upgrade --generate-hashes \
		--only-binary :all: --no-emit-index-url --no-emit-find-links --extra dev \
		--python-version 3.11 pyproject.toml -o requirements.lock
