# Two commands do everything: `make demo` runs the main job, `make test` passes the tests.
# All that they need is Python >= 3.11; packages and caches stay in this checkout.
PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
export UV_CACHE_DIR := $(CURDIR)/.cache/uv
export UV_LINK_MODE := copy
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Without bytecode every command compiles all that it imports anew, which is most of its time.
unexport PYTHONDONTWRITEBYTECODE
LOCKS := requirements/bootstrap.txt requirements/dev.txt
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11

PORTAL := server/src/flowstead/portal/index.html
PORTAL_SOURCES := $(shell find portal -path portal/node_modules -prune -o -type f -not -name '*.gen.ts' -print) server/hatch_build.py server/tests/component/golden/openapi.json
export npm_config_cache := $(CURDIR)/.cache/npm

.PHONY: setup demo test soak lint screenshots bench record lock clean
.DELETE_ON_ERROR:

setup: $(VENV)/.ready $(PORTAL)

$(VENV)/.ready: $(LOCKS) runtime/pyproject.toml server/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Flowstead needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12")'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "This Python cannot make virtual environments; on Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --require-hashes -r requirements/bootstrap.txt
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e runtime -e server
	@touch $@

$(PORTAL): $(VENV)/.ready $(PORTAL_SOURCES)
	@$(BIN)/python server/hatch_build.py
	@touch $@

demo: setup
	@$(BIN)/flowstead demo $(ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python server/hatch_build.py lint
	$(BIN)/lint-imports --config .importlinter
	$(BIN)/python docs/generate.py --check

test: lint
	$(BIN)/python tests/run.py $(ARGS)

soak: lint
	$(BIN)/python tests/run.py --full $(ARGS)

screenshots: setup
	$(BIN)/python -m tests.browser.screenshots $(ARGS)

bench: setup
	$(BIN)/python -m benchmarks $(ARGS)

record: setup
	$(BIN)/python -m runtime.tests.compatibility.record $(ARGS)

lock:
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet uv; }
	$(COMPILE) requirements/bootstrap.in -o requirements/bootstrap.txt
	$(COMPILE) runtime/pyproject.toml -o runtime/src/flowstead_runtime/provided.txt
	$(COMPILE) --no-emit-package flowstead-runtime -c requirements/runtime.txt -c requirements/bootstrap.txt runtime/pyproject.toml server/pyproject.toml requirements/dev.in -o requirements/dev.txt
	$(COMPILE) tests/sdk/azure-ai-ml.in -o tests/sdk/azure-ai-ml.txt

clean:
	rm -rf $(VENV) .cache .demo dist build portal/node_modules server/src/flowstead/portal
	rm -rf .ruff_cache .import_linter_cache .pytest_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
