# Each target sets up what it needs: a machine with Python 3.11+ and make is enough.

PYTHON ?= python3
RUN := .venv/bin/python

# Variables that would override the certificate authorities that tests and the demo bring along.
unexport REQUESTS_CA_BUNDLE CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR

.DEFAULT_GOAL := help
.PHONY: help demo test lint types layers docs check bench licenses constraints clean

help:
	@echo "make demo    the main story on servers of its own; BREAK=<step>, SERVE=1"
	@echo "make test    every test; ARGS=<pytest arguments>"
	@echo "make check   lint, types, import layers, docs, tests"
	@echo "make bench   benchmarks as ratios; ARGS=<question>"
	@echo "make docs    the documentation, in site/"

demo: .venv/ready
	$(RUN) -m msidweb.cli demo $(if $(BREAK),--break $(BREAK)) $(if $(SERVE),--serve)

test: .venv/ready
	$(RUN) -m pytest $(ARGS)

lint: .venv/ready
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

types: .venv/ready
	$(RUN) -m mypy

layers: .venv/ready
	.venv/bin/lint-imports --no-cache

docs: .venv/ready
	$(RUN) -m mkdocs build --strict

# aiocache names its license (BSD-3-Clause) in a file only.
licenses: .venv/ready
	$(RUN) -m piplicenses --partial-match --allow-only="$(ALLOWED_LICENSES)" \
		--ignore-packages msidweb aiocache

check: lint types layers docs test

bench: .venv/ready
	$(RUN) -m benchmarks $(ARGS)

constraints:
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --extra dev pyproject.toml -o constraints.txt

clean:
	rm -rf .venv site dist build .mypy_cache .ruff_cache .pytest_cache

ALLOWED_LICENSES := MIT;BSD;Apache;Python Software Foundation;PSF;ISC;Mozilla Public License 2.0;MPL-2.0;Unlicense

.venv/ready: constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "msidweb needs Python 3.11 or later; set PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv .venv
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
