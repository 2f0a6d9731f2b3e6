# The two commands of the README are `make run` and `make test`; both set up .venv when it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ROOMS := $(sort $(dir $(wildcard packages/*/pyproject.toml plugins/*/pyproject.toml)))
STAMP := $(VENV)/.understage-setup

.PHONY: setup run test lint format types docs lock clean

setup: $(STAMP)

$(STAMP): requirements.lock pyproject.toml $(ROOMS:%=%pyproject.toml)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps $(ROOMS:%=-e ./%)
	touch $(STAMP)

lock:
	$(BIN)/uv pip compile pyproject.toml --quiet --group dev --all-extras --universal --generate-hashes --python-version 3.11 \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		$(foreach room,$(ROOMS),--no-emit-package understage-$(subst _,-,$(notdir $(room:%/=%)))) -o requirements.lock
