# The targets of a user's repository, and those of the product: its tests, lint, figures and release.

REQUIREMENTS := requirements-dev.txt
include delegation/project_template/Makefile

.PHONY: test unit mutants lint verify-aws bench lock wheel docs

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

verify-aws: $(INSTALLED) ## in a throwaway account: ask AWS what this project assumes of it
	python -m account verify

bench: $(INSTALLED) ## measure the figures of docs/figures.md
	python -m benchmarks --write

PIP_COMPILE := $(VENV)/lock/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
  --no-header --no-emit-index-url --no-emit-find-links --no-emit-options

lock: $(INSTALLED) ## pin and hash the packages of pyproject.toml, requirements-dev.in, package.json
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet pip-tools
	$(PIP_COMPILE) --output-file requirements.txt pyproject.toml
	$(PIP_COMPILE) --output-file requirements-dev.txt requirements-dev.in
	npm install --package-lock-only

docs: $(INSTALLED) ## generate the tables of docs/check.md and docs/access.md
	sed -i.bak '/^<!-- rules -->$$/q' docs/check.md && python -m delegation rules >> docs/check.md
	sed -i.bak '/^<!-- who -->$$/q' docs/access.md && cd tests/examples/default && \
	  PYTHONPATH="$(CURDIR)" python -m delegation who >> "$(CURDIR)/docs/access.md"
	rm docs/*.bak

wheel: $(INSTALLED) ## build the release into dist/, for python -m delegation init
	python -m hatchling build --target wheel
