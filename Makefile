# The two commands of the README are `make run` and `make test`; both set up .venv when it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ROOMS := $(sort $(dir $(wildcard packages/*/pyproject.toml plugins/*/pyproject.toml)))
STAMP := $(VENV)/.understage-setup
NODE_STAMPS := $(patsubst %/package.json,%/node_modules/.understage-setup,$(wildcard tests/*/package.json))

.PHONY: setup run test wheels lint format types docs conformance lock clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml $(ROOMS:%=%pyproject.toml)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps $(ROOMS:%=-e ./%)
	touch $(STAMP)

run: setup
	cd examples/backend && ../../$(BIN)/python main.py

# PYTEST_ARGS chooses tests, for example: make test PYTEST_ARGS="packages/config -x"
test: setup $(NODE_STAMPS)
	$(BIN)/python -m pytest $(or $(PYTEST_ARGS),-n auto --dist loadgroup)

# The official npm packages that some tests need; left out where there is no npm (the tests then say so).
%/node_modules/.understage-setup: %/package.json %/package-lock.json
	@if command -v npm >/dev/null; then \
		cd $* && npm ci --no-audit --no-fund --ignore-scripts --silent && touch node_modules/.understage-setup; \
	else echo "npm is missing: the tests in $* will not run"; fi

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/conformance.py --check

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: setup
	$(BIN)/mypy $(wildcard packages/*/src plugins/*/src) $(wildcard packages/*/tests plugins/*/tests) tests examples benchmarks scripts
	$(BIN)/pyright
	$(BIN)/python scripts/verify_types.py

docs: setup
	$(BIN)/mkdocs build --strict --quiet

# Builds the wheels and installs them into an empty environment, as a user would.
wheels: setup
	bash scripts/check_wheels.sh

conformance: setup
	$(BIN)/python scripts/conformance.py

clean:
	rm -rf $(VENV) tests/*/node_modules site

lock:
	$(BIN)/uv pip compile pyproject.toml --quiet --group dev --all-extras --universal --generate-hashes --python-version 3.11 \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		$(foreach room,$(ROOMS),--no-emit-package understage-$(subst _,-,$(notdir $(room:%/=%)))) -o requirements.lock
