.DEFAULT_GOAL := help
PYTHON ?= python3
PORT ?= 8080
BIN := .venv/bin
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help dev demo up test faults check format lock openapi web bench package deploy destroy clean

help: ## this list
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: dev ## send a real file through the whole service on this machine, and prove that its bytes came back
	@$(BIN)/python -m infra.local.demo

test: dev web ## every test: unit, integration, end to end
	@$(BIN)/python -m pytest -n 2 --dist loadgroup

faults: dev ## ten times as many schedules of faults as `make test` tries (FAULTS=20000: as many as one likes)
	@FAULTS=$(or $(FAULTS),5000) $(BIN)/python -m pytest -n 2 --dist load tests/integration/faults -k whatever

up: dev ## the stack on this machine, in the foreground, on port 8080 (PORT=9000: on another)
	@$(MAKE) --silent --no-print-directory web || echo "going on without the pages"
	@mkdir -p out
	@$(BIN)/python -m infra.local --port $(PORT) --log out/stack.log

check: dev ## style, types, import rules, template, the API's document
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cfn-lint infra/template.yaml
	$(BIN)/python -m infra.openapi --check

openapi: dev ## write the API's document anew, from routes and models: chalicelib/openapi.json
	@$(BIN)/python -m infra.openapi

bench: dev ## measure: sealing, handling, imports, the limiter, contention, load, 2 GiB up and down (ratios inside one run)
	@$(BIN)/python -m bench

package: dev ## the deployable artefacts: out/packaged.yaml and out/deployment.zip (STAGE=prod: of that stage)
	@$(BIN)/python -m infra.package --stage $(or $(STAGE),dev)

deploy: dev web ## package, upload, create or update the stack: STAGE=prod ARGS='--set MailFrom=sealdrop@example.com'
	@$(BIN)/python -m infra.deploy --stage '$(STAGE)' $(ARGS)

destroy: dev ## delete the stack and keep its data: STAGE=prod (ARGS=--with-data: the data as well)
	@$(BIN)/python -m infra.destroy --stage '$(STAGE)' $(ARGS)

dev: .venv/.ready ## set up .venv (bin/python, bin/sealdrop)

.venv/.ready: requirements-dev.txt client/pyproject.toml
	@echo "setting up .venv (about a minute, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet 'pip<26.3'
	@$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e client
	@touch $@

web: build/web/.ready ## the pages that are served beside the API, from web/ (needs npm)

VENDORED := web/node_modules/swagger-ui-dist
build/web/.ready: web/package-lock.json web/.npmrc $(wildcard web/docs/* web/d/*) chalicelib/openapi.json
	@npm ci --prefix web --loglevel=error >/dev/null
	@rm -rf build/web && mkdir -p build/web/docs
	@cp -R web/d build/web/d
	@cp web/docs/* chalicelib/openapi.json build/web/docs
	@cp $(VENDORED)/swagger-ui-bundle.js $(VENDORED)/swagger-ui.css build/web/docs
	@cp $(VENDORED)/LICENSE build/web/docs/swagger-ui-license.txt
	@cp $(VENDORED)/swagger-ui-bundle.js.LICENSE.txt build/web/docs
	@touch $@

format: dev ## rewrite the code in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## resolve requirements-dev.in into requirements-dev.txt
	$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet 'pip<26.3' pip-tools==7.6.2
	.venv-lock/bin/pip-compile --quiet --strip-extras --no-header --no-annotate --no-emit-index-url \
	  --no-emit-trusted-host --no-emit-find-links --allow-unsafe -o requirements-dev.txt requirements-dev.in

clean: ## remove what the commands above made
	rm -rf .venv .venv-lock out build web/node_modules .mypy_cache .ruff_cache .hypothesis .import_linter_cache
