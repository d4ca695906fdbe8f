# Every task of this project. The first target that needs them installs Python packages and the
# CDK CLI into .venv and node_modules, and again only when a lock file changes.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed
export PATH := $(CURDIR)/$(VENV)/bin:$(CURDIR)/node_modules/.bin:$(PATH)
export CDK_DISABLE_CLI_TELEMETRY := true
SYNTH_QUIETLY := out=$$(cdk synth --quiet --no-notices $(CDK_FLAGS) 2>&1) || { echo "$$out" >&2; exit 1; }

# Which cloud assembly is reviewed and deployed
ASSEMBLY ?= cdk.out
# make review BASE=main, make deploy DIGEST=… ONLY=runbooks: handed on as variables, so
# that no value is a part of a command; an empty one is an error, not another task.
export ASSEMBLY
$(foreach name,BASE DIGEST ONLY,$(if $(filter-out undefined,$(origin $(name))),\
  $(eval export $(name))$(eval HAS_$(name) := yes)))
# More options for the CDK CLI: make deploy CDK_FLAGS="--require-approval never"
CDK_FLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help install check accept synth diff deploy review report digest plan rehearse test unit mutants lint bench lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

install: $(INSTALLED) ## install Python packages and the CDK CLI, pinned and hashed

$(INSTALLED): requirements-dev.txt package-lock.json
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python %d.%d is too old, 3.11 or newer is needed; name one: make PYTHON=python3.12" % sys.version_info[:2])'
	@echo "installing Python packages and the CDK CLI into $(VENV) and node_modules, about a minute"
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@$(VENV)/bin/npm ci --loglevel=error
	@touch $@

synth: $(INSTALLED) ## write the templates to cdk.out, for review
	cdk synth --quiet --no-notices $(CDK_FLAGS)

diff: $(INSTALLED) ## what a deployment would change in AWS
	cdk diff --no-notices $(CDK_FLAGS)

deploy: $(INSTALLED) ## deploy to AWS; with DIGEST=… the assembly that was reviewed, unattended
ifdef HAS_DIGEST
	python -m pipeline deploy --assembly "$$ASSEMBLY" --digest "$$DIGEST" $${ONLY:+--only "$$ONLY"}
else
	@test -z "$$ONLY" || { echo 'error: ONLY needs DIGEST, as make digest prints it' >&2; exit 1; }
	cdk deploy --all --no-notices $(CDK_FLAGS)
endif

review: synth ## who can do what: cdk.out/access-review.html; with BASE=… what a change does to it
ifdef HAS_BASE
	python -m pipeline review --base="$$BASE"
else
	python -m review
endif

report: ## in a job of GitHub Actions: comment the review on the pull request
	$(PYTHON) -m pipeline report --assembly "$$ASSEMBLY"

digest: $(INSTALLED) ## the SHA-256 by which a deployment knows the assembly
	@python -m pipeline digest --assembly "$$ASSEMBLY"

plan: $(INSTALLED) ## which stacks differ from what is deployed
	@python -m pipeline plan --assembly "$$ASSEMBLY"

check: $(INSTALLED) ## the gate for deployments.py, documents/ and both locks
	@python -m delegation check
	@$(SYNTH_QUIETLY)
	@python -m review --check

accept: $(INSTALLED) ## accept what the roles may do and what everybody can do: writes both locks
	@python -m delegation accept
	@$(SYNTH_QUIETLY)
	@python -m review --accept

rehearse: $(INSTALLED) ## play the guide's story in an AWS account on this machine
	python -m rehearsal

test: lint ## everything that CI checks
	python -m pytest -q -n 2 --maxschedchunk 1

unit: $(INSTALLED) ## the tests that run in seconds: no sandbox, no whole command
	python -m pytest -q -m "not sandbox and not command"

mutants: $(INSTALLED) ## every generated mutant of the templates, ten minutes: what make test samples
	ALL_MUTANTS=yes python -m pytest -q -n 2 --maxschedchunk 1 tests/review/test_generated_mutants.py

lint: $(INSTALLED) ## ruff, mypy, and actionlint and zizmor for the workflows
	ruff check .
	ruff format --check .
	mypy
	actionlint .github/workflows/*.yml
	zizmor --offline --no-progress --quiet --persona auditor .github

bench: $(INSTALLED) ## measure the figures of docs/figures.md
	python -m benchmarks --write

lock: $(INSTALLED) ## pin and hash the packages of the .in files and package.json anew
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet pip-tools
	for file in requirements requirements-dev; do \
	  $(VENV)/lock/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	    --no-header --no-emit-index-url --no-emit-find-links --no-emit-options \
	    --output-file $$file.txt $$file.in || exit 1; done
	npm install --package-lock-only

clean: ## remove what the targets made
	rm -rf $(VENV) node_modules cdk.out .pytest_cache .mypy_cache .ruff_cache
