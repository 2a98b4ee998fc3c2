# `just` lists the commands; `just NAME` runs one.

[private]
default:
    @just --list

# Create .venv with everything that development needs
setup:
    python3 -m venv .venv
    .venv/bin/pip install -q -c .ci/constraints.txt -e '.[dev,docs]'

# Run tests; arguments go to pytest
test *arguments='-n auto':
    .venv/bin/pytest {{arguments}}

# Run the long tests
extended:
    .venv/bin/pytest -n auto -m extended

# Check style and formatting
lint:
    .venv/bin/ruff check .
    .venv/bin/ruff format --check .

# Format the code
format:
    .venv/bin/ruff check --fix .
    .venv/bin/ruff format .

# Check types
types:
    .venv/bin/mypy

# Check the recorded cases of the published destination
conformance:
    .venv/bin/emulator contract check fixtures/conformance/*.ndjson

# Serve the documentation, rebuilt on every change
docs:
    .venv/bin/zensical serve

# Build the site of the documentation; fails on broken links and forgotten pages
site:
    .venv/bin/python docs/build_site.py

# Start the emulator on http://127.0.0.1:8282
serve *arguments:
    .venv/bin/emulator serve {{arguments}}

# Run everything that CI runs
ci:
    .ci/run
