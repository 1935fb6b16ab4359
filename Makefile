.DEFAULT_GOAL := help
PYTHON ?= python3
PORT ?= 8080
BIN := .venv/bin
export PYTHONDONTWRITEBYTECODE :=

# A virtual environment $(1) of what $(2) pins, which must be all: pip looks for nothing else, and says if anything is
# missing. A newer pip than Python brings is twice as fast. Modules are compiled when they are first imported: most never
# are, and pip would take half a minute for all of them.
define venv
@test -x $(1)/bin/python || $(PYTHON) -m venv $(1)
@$(1)/bin/python -m pip install --quiet --upgrade 'pip<26.3'
@$(1)/bin/python -m pip install --quiet --no-deps --no-compile -r $(2)
@$(1)/bin/python -m pip check --quiet
endef

.PHONY: help dev demo up test mutants faults check audit format lock openapi web dynalite bench package e2e-package deploy destroy clean

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: dev ## send a real file through the whole service on this machine, and prove that its bytes came back
	@$(BIN)/python -m infra.local.demo

test: ## every test: unit, integration, end to end
	@$(MAKE) --silent --no-print-directory --jobs=3 dev web dynalite
	@$(BIN)/python -m pytest -n 3 --dist loadgroup

mutants: dev ## every check of the threat model taken out, and its test seen to fail (a minute or two; CI does it)
	@$(BIN)/python -m pytest -n 2 tests/mutants

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

audit: dev .venv-audit/.ready ## what others' tools find: cfn-lint, checkov, bandit, secrets, pip-audit (ARGS=--offline: without the last)
	@$(BIN)/python -m infra.audit $(ARGS)

openapi: dev ## write the API's document anew, from routes and models: chalicelib/openapi.json
	@$(BIN)/python -m infra.openapi

bench: dev ## measure: sealing, handling, imports, cold starts, the limiter, contention, lists, load, 2 GiB (ratios inside one run)
	@$(BIN)/python -m bench

package: dev ## the deployable artefacts: out/packaged.yaml, out/deployment.zip, out/sbom.cdx.json (STAGE=prod: of that stage)
	@$(BIN)/python -m infra.package --stage $(or $(STAGE),dev)

e2e-package: dev package .venv-ministack/.ready ## the same artefacts on a second emulator of AWS, MiniStack, by raw HTTP (three minutes)
	@$(BIN)/python -m pytest tests/e2e --stack emulator

.venv-ministack/.ready: infra/emulator/requirements.txt
	$(call venv,.venv-ministack,infra/emulator/requirements.txt)
	@touch $@

deploy: dev web ## package, upload, create or update the stack: STAGE=prod ARGS='--set MailFrom=sealdrop@example.com'
	@$(BIN)/python -m infra.deploy --stage '$(STAGE)' $(ARGS)

destroy: dev ## delete the stack and keep its data: STAGE=prod (ARGS=--with-data: the data as well)
	@$(BIN)/python -m infra.destroy --stage '$(STAGE)' $(ARGS)

dev: .venv/.ready ## set up .venv (bin/python, bin/sealdrop)

.venv/.ready: requirements-dev.txt client/pyproject.toml
	@echo "setting up .venv (half a minute, once)"
	$(call venv,.venv,requirements-dev.txt)
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e client
	@touch $@

.venv-audit/.ready: requirements-audit.txt
	@echo "setting up .venv-audit (a minute or two, once)"
	$(call venv,.venv-audit,requirements-audit.txt)
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

dynalite: tests/dynalite/node_modules/.ready ## a second DynamoDB, for the tests of races (needs npm)

tests/dynalite/node_modules/.ready: tests/dynalite/package-lock.json tests/dynalite/.npmrc
	@npm ci --prefix tests/dynalite --loglevel=error >/dev/null
	@touch $@

format: dev ## rewrite the code in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

COMPILE := .venv-lock/bin/pip-compile --quiet --strip-extras --no-header --no-annotate --no-emit-index-url \
  --no-emit-trusted-host --no-emit-find-links --allow-unsafe
lock: ## resolve what each set of tools needs: requirements-*.in, and the second emulator's
	$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet 'pip<26.3' pip-tools==7.6.2
	for tools in requirements-dev requirements-audit infra/emulator/requirements; do \
	  $(COMPILE) -o $$tools.txt $$tools.in || exit 1; done

clean: ## remove what the commands above made
	rm -rf .venv .venv-audit .venv-lock .venv-ministack out build web/node_modules tests/dynalite/node_modules \
	  .mypy_cache .ruff_cache .hypothesis .import_linter_cache
