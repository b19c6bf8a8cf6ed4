# All targets use a virtual environment in this folder, which they create and keep up to date.
# PYTHON selects the interpreter to create it with: Python 3.11 or later.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

export PYTHONPATH := layer:authorizer:tools:.
# Python versions that this machine lacks are unpacked here, and come last on PATH. An absolute path.
export PYTHONS ?= $(CURDIR)/.pythons
export PATH := $(PATH):$(PYTHONS)/bin
# The browser that tests the web page is unpacked here. An absolute path.
export BROWSER_FOLDER ?= $(CURDIR)/.browser
# Packages are compiled when they are first imported. Keep the result.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
# All targets that are words, such as `make layer`. Those with a dot in their name are files.
.PHONY: $(shell sed -n 's/^\([a-z][a-z0-9-]*\):.*/\1/p' Makefile)

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.run ## Show which clients are allowed and denied, over real TLS, then serve: [RULES=… TRUSTSTORE=… ALLOWED_…=… ARGS=…].
	@env -u TRUSTSTORE $(BIN)/python -m local_gateway --from-environment $${RULES:+--rules="$$RULES"} \
	    $${TRUSTSTORE:+--truststore="$$TRUSTSTORE"} $(ARGS)

demo: $(VENV)/.run ## Show the same without serving; fails if a result is unexpected.
	@$(BIN)/python -m local_gateway --demo

revoke: $(VENV)/.run ## Revoke the certificate of a client of the local gateway: CLIENT=name [ARGS="--folder FOLDER"].
	@$(BIN)/python -m local_gateway.revoke "$(CLIENT)" $(ARGS)

# Variables of make are in the environment, too, where the shell does not interpret their values. There, the authorizer
# would reject TRUSTSTORE as a misspelt variable. make exits with 2 whatever the command's status is: scripts should call
# .venv/bin/mtls-authorizer.
explain: $(VENV)/.run ## Explain why a certificate is allowed or denied: CERT=client.pem [EVENT=… RULES=… ROUTE="GET /x" ARGS=…].
	@env -u TRUSTSTORE $(BIN)/mtls-authorizer explain $${CERT:+--cert="$$CERT"} $${EVENT:+--event="$$EVENT"} \
	    $${RULES:+--rules="$$RULES"} $${TRUSTSTORE:+--truststore="$$TRUSTSTORE"} $${ROUTE:+--route="$$ROUTE"} $(ARGS)

validate-rules: $(VENV)/.run ## Check a rules document: FILE=rules.json.
	@test -n "$$FILE" || { echo "Name the rules document: make validate-rules FILE=rules.json" >&2; exit 2; }
	@$(BIN)/mtls-authorizer rules check "$$FILE" $(ARGS)

schema: $(VENV)/.run ## Write the JSON Schema of rules documents, authorizer/rules.schema.json.
	@$(BIN)/mtls-authorizer rules schema >$(VENV)/schema && mv $(VENV)/schema authorizer/rules.schema.json

crl-index: $(VENV)/.run ## Verify a CRL and write its index: FILE=ca.crl TRUSTSTORE=bundle.pem [ARGS="--output FILE"].
	@test -n "$$FILE" && test -n "$$TRUSTSTORE" || \
	    { echo "Name the CRL and the CAs: make crl-index FILE=ca.crl TRUSTSTORE=bundle.pem" >&2; exit 2; }
	@$(BIN)/mtls-authorizer crl index "$$FILE" --truststore "$$TRUSTSTORE" $(ARGS)

layer: $(VENV)/.python ## Build the layer's zip files, digests and SBOMs in build. RELEASE=1 fails if a Python is missing.
	@$(BIN)/python -m distribution.layer_builder layers build $(if $(RELEASE),--complete)

release: $(VENV)/.release ## Build everything that users download from the current commit, in build/release: [ARGS=--incomplete].
	@$(BIN)/python -m distribution.releases build build/release $(ARGS)

verify-release: $(VENV)/.release ## Rebuild build/release from the current commit and compare all bytes: [ARGS=--incomplete].
	@$(BIN)/python -m distribution.releases verify build/release $(ARGS)

publish: $(VENV)/.run ## Publish the layer's zip files: REGIONS="eu-central-1 us-east-1" [ARGS="--public --dry-run"].
	@$(BIN)/python -m distribution.publisher $(REGIONS) $(ARGS)

bench: $(VENV)/.test available-pythons layer ## Measure decisions against typical authorizers on Node, then a cold start.
	@$(BIN)/python -m benchmarks.warm
	@$(BIN)/python -m benchmarks.invocations
	@$(BIN)/python -m benchmarks.cold_start

bench-cold: $(VENV)/.test available-pythons layer ## Measure a cold start against a typical authorizer on Node.
	@$(BIN)/python -m benchmarks.cold_start

bench-crl: $(VENV)/.test ## Measure a revocation list of a million entries against JSON, and a start with 1,000 partitions.
	@$(BIN)/python -m benchmarks.crl
	@$(BIN)/python -m benchmarks.partitions

bench-explain: $(VENV)/.test ## Measure the time to explain a folder of 1,000 certificates; fails above 20 s.
	@$(BIN)/python -m benchmarks.explain_folder

bench-rules: $(VENV)/.test ## Measure decisions with many rules and long lists.
	@$(BIN)/python -m benchmarks.rules

soak: $(VENV)/.test ## Run a long load test of the authorizer; fails if a response is wrong or memory grows.
	@$(BIN)/python -m benchmarks.soak

test-unit: $(VENV)/.test ## Run the unit tests: the inner loop while you change code.
	$(BIN)/python -m pytest -n 2 --dist worksteal tests/unit

# More processes than processors, because some tests wait. Each needs 7 seconds of processor time to collect the tests.
SHARED = -n 3 --dist worksteal
# Types are checked while the tests run: before them, mypy would leave one processor idle.
test: ## Run all tests, with coverage.
	@$(MAKE) --no-print-directory --jobs 3 lint run-tests

# Tests start make, which would look for the job server of this one.
.PHONY: run-tests
run-tests: available-pythons available-browser $(VENV)/.compiled
	MAKEFLAGS= $(BIN)/python -m pytest $(SHARED) --cov --cov-report=term

FUZZ_SECONDS ?= 600
fuzz: $(VENV)/.test ## Fuzz the readers of certificates, PSD2 statements, CRLs and indexes: [FUZZ_SECONDS=600 for each of them].
	@for target in $(basename $(notdir $(wildcard tests/fuzz/fuzz_*.py))); do \
	    echo "== $$target"; \
	    $(BIN)/python -m tests.fuzz.$$target --seconds $(FUZZ_SECONDS) || exit 1; \
	done

fuzz-routes: $(VENV)/.test ## Compare 100,000 requests with a published evaluator of IAM policies. Needs npm, and 10 minutes.
	@rm -rf build/iam && mkdir -p build && cp -R tests/fuzz/iam build/iam && cd build/iam && npm ci --no-audit --no-fund
	@IAM_EVALUATOR=$(CURDIR)/build/iam $(BIN)/python -m tests.fuzz.fuzz_routes --executions 100000 --seconds 7200

CASES = 100000
compare-rules: $(VENV)/.test ## Compare policy, simple response and an oracle for random rules: [CASES=100000, about two hours].
	@CASES=$(CASES) $(BIN)/python -m pytest -q --hypothesis-profile=many --hypothesis-show-statistics \
	    tests/properties/authorizer/test_who_may_call_what.py -k oracle

test-full: test fuzz soak ## Run all tests, with many more examples for each property, then fuzz, then a load test.
	$(BIN)/python -m pytest $(SHARED) --hypothesis-profile=thorough -m hypothesis tests

test-cdk-typescript: $(VENV)/.test ## Compare the CDK construct in TypeScript with the one in Python. Needs npm, and takes minutes.
	@rm -rf build/cdk && mkdir -p build && cp -R tests/integration/cdk/typescript build/cdk && cd build/cdk && npm ci --no-audit --no-fund
	@$(BIN)/python -m tests.integration.cdk.compare_typescript build/cdk

# checkov pins many of its requirements. The variables deploy all that is optional.
checkov: ## Check the templates, the Terraform modules and the examples with checkov, in a separate environment (300 MB).
	@$(MAKE) --no-print-directory VENV=.venv-checkov .venv-checkov/.checkov
	@.venv-checkov/bin/checkov --config-file tests/checkov/checkov.yaml --framework terraform -d terraform/modules \
	    --var-file tests/checkov/everything.tfvars
	@.venv-checkov/bin/checkov --config-file tests/checkov/checkov.yaml --framework terraform -d examples/attach/terraform
	@.venv-checkov/bin/checkov --config-file tests/checkov/checkov.yaml --framework cloudformation \
	    -f template.yaml templates/*.yaml examples/attach/*.yaml

# What runs on Lambda for a request, and the gateway around it.
RUNS_ON_LAMBDA = tests/unit/authorizer tests/properties/authorizer tests/integration/authorizer/test_runtime_client.py tests/unit/layer tests/integration/layer \
    tests/integration/local_gateway/test_command.py tests/unit/local_gateway/api_gateway/test_gateway.py \
    --ignore tests/integration/layer/test_typing.py
# The commands run on users' machines. The other tests do not depend on the Python version: templates, builds, and tests of
# mypy's, AWS's and OpenSSL's tools.
COMMANDS = tests/unit/tools --ignore tests/unit/tools/rules/test_schema.py

mutation: ## Make small changes to the code that decides, and list the changes that no test detects: [MODULES="…"].
	@$(MAKE) --no-print-directory VENV=.venv-mutation .venv-mutation/.mutation
	@PYTHONPATH= .venv-mutation/bin/python -m tests.tooling.mutation $(MODULES)

test-interpreters: available-pythons ## Test what runs on Lambda, and the commands, with every other supported Python version.
	@for python in $$($(PYTHON) -m distribution.layer_builder.interpreters --others); do \
	    echo "== $$python"; \
	    $(MAKE) --no-print-directory PYTHON=$$python VENV=.venv-$$(basename $$python) test-what-runs-on-lambda || exit 1; \
	done

test-arm64: $(VENV)/.test ## Test what runs on Lambda with arm64 Pythons under QEMU, for releases: 10 minutes for each.
	@ALL_CERTIFICATES=1 $(BIN)/python -m pytest tests/platforms/test_arm64.py
	@for version in $$($(BIN)/python -c 'from tests.platforms.arm64 import VERSIONS; print(*VERSIONS)'); do \
	    echo "== Python $$version for arm64"; \
	    $(BIN)/python -m tests.platforms.arm64 "$(PYTHONS)" $$version -m pytest $(SHARED) $(RUNS_ON_LAMBDA) || exit 1; \
	done

test-what-runs-on-lambda: $(VENV)/.runs-on-lambda
	$(BIN)/python -m pytest $(SHARED) --hypothesis-profile=brief $(RUNS_ON_LAMBDA) $(COMMANDS)

lint: lint-types lint-style ## Check style, format, types and the order of imports.

lint-types: $(VENV)/.test
	$(BIN)/mypy

lint-style: $(VENV)/.test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-cache --no-logo

format: $(VENV)/.test ## Format the code, and fix what can be fixed automatically.
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

golden: $(VENV)/.test ## Write Node's output for the test certificates. Needs Node 20.
	$(BIN)/python -m tests.golden

figures: $(VENV)/.test ## Copy the results of the benchmarks to docs/performance.md.
	$(BIN)/python -m docs_tools.figures

dashboard-picture: $(VENV)/.test ## Draw the dashboard of the template for the documentation.
	$(BIN)/python -m docs_tools.dashboard_picture

page-picture: $(VENV)/.test browser ## Take a picture of the local gateway's page for the documentation.
	@$(BIN)/python -m docs_tools.page_picture

pythons: ## Unpack the supported Python versions that this machine lacks from Debian into .pythons.
	@$(PYTHON) -m tests.platforms.debian_python "$(PYTHONS)"

# The same, but if it fails, the tests use the Python versions that the machine has.
available-pythons:
	-@$(MAKE) --no-print-directory pythons

browser: ## Unpack the browser that tests the web page from Debian into .browser.
	@$(PYTHON) -m tests.platforms.debian_chromium "$(BROWSER_FOLDER)"

available-browser:
	-@$(MAKE) --no-print-directory browser

LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-annotate --custom-compile-command 'make lock'

lock: $(VENV)/.python ## Pin the newest allowed versions of all requirements, with hashes.
	$(BIN)/python -m pip install --quiet uv
	$(LOCK) --upgrade --group pip --output-file distribution/pip_requirements.txt
	$(LOCK) --upgrade --group layer --no-emit-package pycparser --output-file layer/requirements.txt
	$(LOCK) --upgrade --group tests --constraint layer/requirements.txt --output-file tests/requirements.txt
	$(LOCK) --group runs-on-lambda --constraint tests/requirements.txt --output-file tests/runs_on_lambda_requirements.txt
	$(LOCK) --upgrade --group mutation --constraint layer/requirements.txt --output-file tests/mutation_requirements.txt
	$(LOCK) --group distribution --constraint tests/requirements.txt --output-file distribution/requirements.txt
	$(LOCK) --group local-gateway --constraint tests/requirements.txt --output-file local_gateway/requirements.txt

clean: ## Remove everything that these targets created.
	rm -rf .browser .pythons .venv .venv-* build .aws-sam .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -r {} +

# The environment is created again if PYTHON has another version.
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
ifneq ($(VERSION),$(shell cat $(VENV)/.python 2>/dev/null))
.PHONY: $(VENV)/.python
endif

# The same pip for every version of Python.
$(VENV)/.python: distribution/pip_requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or later is needed, $(PYTHON) is $(VERSION). Try: make PYTHON=python3.13 ..." >&2; exit 1; }
	@echo "Making $(VENV) with Python $(VERSION)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(INSTALL) -r distribution/pip_requirements.txt
	@echo $(VERSION) > $@

# Most modules are never imported, and to compile all of them takes longer than all else.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-compile

# The command-line tools, from any working directory.
$(BIN)/mtls-authorizer: $(VENV)/.python tools/mtls_authorizer_cli/launcher.py
	@$(BIN)/python -m mtls_authorizer_cli.launcher $@

$(VENV)/.run: $(VENV)/.python local_gateway/requirements.txt | $(BIN)/mtls-authorizer
	@echo "Installing what the local gateway needs"
	@$(INSTALL) -r local_gateway/requirements.txt
	@touch $@

$(VENV)/.test: $(VENV)/.python tests/requirements.txt | $(BIN)/mtls-authorizer
	@echo "Installing what the tests need"
	@$(INSTALL) -r tests/requirements.txt
	@touch $@

# Once, instead of in each process that runs tests.
$(VENV)/.compiled: $(VENV)/.test
	@echo "Compiling what the tests import"
	@$(BIN)/python -m pytest --collect-only --quiet >/dev/null; touch $@

$(VENV)/.release: $(VENV)/.python distribution/requirements.txt
	@echo "Installing what building a release needs"
	@$(INSTALL) -r distribution/requirements.txt
	@touch $@

$(VENV)/.runs-on-lambda: $(VENV)/.python tests/runs_on_lambda_requirements.txt
	@echo "Installing what the tests of what runs on Lambda need"
	@$(INSTALL) -r tests/runs_on_lambda_requirements.txt
	@touch $@

$(VENV)/.checkov: $(VENV)/.python tests/checkov/requirements.txt
	@echo "Installing checkov"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/checkov/requirements.txt
	@touch $@

$(VENV)/.mutation: $(VENV)/.python tests/mutation_requirements.txt
	@echo "Installing what mutation testing needs"
	@$(INSTALL) -r tests/mutation_requirements.txt
	@touch $@
