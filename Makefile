.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help dev demo up test check format lock bench package clean

help: ## this list
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: dev ## send a real file through the whole service on this machine, and prove that its bytes came back
	@$(BIN)/python -m infra.local.demo

test: dev ## every test: unit, integration, end to end
	@$(BIN)/python -m pytest -n 2 --dist loadgroup

up: dev ## the stack on this machine, in the foreground, on port 8080
	@$(BIN)/python -m infra.local

check: dev ## style, types, import rules, template
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cfn-lint infra/template.yaml

bench: dev ## measure: sealing, request handling, imports, the limiter, 2 GiB up and down (ratios inside one run)
	@$(BIN)/python -m bench

package: dev ## the deployable artefacts: out/packaged.yaml and out/deployment.zip
	@$(BIN)/python -m infra.package

dev: .venv/.ready ## set up .venv (bin/python, bin/sealdrop)

.venv/.ready: requirements-dev.txt client/pyproject.toml
	@echo "setting up .venv (about a minute, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet 'pip<26.3'
	@$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e client
	@touch $@

format: dev ## rewrite the code in the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## resolve requirements-dev.in into requirements-dev.txt
	$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet 'pip<26.3' pip-tools==7.6.2
	.venv-lock/bin/pip-compile --quiet --strip-extras --no-header --no-annotate --no-emit-index-url \
	  --no-emit-trusted-host --no-emit-find-links --allow-unsafe -o requirements-dev.txt requirements-dev.in

clean: ## remove what the commands above made
	rm -rf .venv .venv-lock out build .mypy_cache .ruff_cache .hypothesis .import_linter_cache
