# Every routine command. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
SOURCES := editing gpu_worker webapp atelier_client deploy tests

.DEFAULT_GOAL := help
.PHONY: help install run test test-frontend check build bench bench-engine bench-own-family bench-portraits bench-cars bench-library format lock schemas

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: ## make .venv and frontend/node_modules what the locks say, build the interface
	@$(PYTHON) deploy/local/bootstrap.py python frontend

run: ## start everything; PORT, VAR_DIR, DATABASE_URL and REDIS_URL may be set
	@$(PYTHON) deploy/local/bootstrap.py run

test: install test-frontend ## run all tests: front end, then Python, servers and browsers
	@$(BIN)/python -m pytest

test-frontend: ## run the tests of the front end alone
	@cd frontend && npm test

check: install ## lint, types, import contracts
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy editing gpu_worker webapp atelier_client deploy
	$(BIN)/lint-imports
	cd frontend && npm run lint && npm run typecheck

build: ## build the interface into frontend/dist
	@$(PYTHON) deploy/local/bootstrap.py frontend

bench: install ## measure and print every figure as `name value unit`
	@$(BIN)/python -m deploy.bench

bench-engine: install ## time the engine against the plain way: minutes, up to 17 GiB of memory
	@$(BIN)/python -m editing benchmark engine

bench-own-family: install ## take a foreign generator to a published family: half an hour
	@$(BIN)/python -m editing benchmark own-family

bench-portraits: install ## measure a portraits bundle; BUNDLE=folder, default the largest
	@$(BIN)/python -m editing benchmark portraits $(if $(BUNDLE),--bundle $(BUNDLE))

bench-cars: install ## measure a cars bundle; BUNDLE=folder, default the largest
	@$(BIN)/python -m editing benchmark cars $(if $(BUNDLE),--bundle $(BUNDLE))

bench-library: install ## measure search, search by painting and albums; ROWS=20000 for a quick look
	@$(BIN)/python -m deploy.bench.library_main --rows $(or $(ROWS),1000000)

format: ## format all code
	$(BIN)/ruff check --fix --quiet $(SOURCES) || true
	$(BIN)/ruff format $(SOURCES)
	cd frontend && npm run format

lock: ## resolve the dependency groups into requirements*.lock
	$(BIN)/python -m deploy.local.lock

schemas: ## export the published schemas and the types made from them
	$(BIN)/python -m deploy.local.schemas
	cd frontend && npm run types
