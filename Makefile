# make setup   an environment in .venv with everything: native library, training, export, MindSpore Lite
# make demo    export the shipped weights to every format, then enhance a photograph (IMAGE=photo for your own)
# make test    everything that is checked: style, types, Python, native, sanitizers, arm64
# make clean   remove what the others made, apart from .venv

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

# The interpreter to build the environment with: MindSpore has wheels for 3.10 to 3.12.
PYTHON ?= $(shell for p in python3.12 python3.11 python3.10 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' 2>/dev/null && echo $$p && break; done)
CXX ?= c++
VENV := .venv
BIN := $(VENV)/bin
NATIVE_SOURCES := $(shell find runtime -name '*.cpp' -o -name '*.h' -o -name 'CMakeLists.txt' -o -name '*.cmake') \
	CMakeLists.txt pyproject.toml models/zerodcepp.dce
LITE_SOURCES := $(wildcard runtime/engines/mindspore_lite/*)
IMAGE ?=

.PHONY: setup demo test lint types test-python test-native test-sanitizers \
	test-arm64 test-arm64-emulated clean
.DELETE_ON_ERROR:

setup: $(VENV)/.installed $(VENV)/.mindspore-lite

$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo "setup: Python 3.10, 3.11 or 3.12 is wanted, none was found (PYTHON=... names one)"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "setup: $(PYTHON) cannot make environments; on Debian or Ubuntu: apt-get install python3-venv"; exit 2; }
	@command -v $(firstword $(CXX)) >/dev/null || { echo "setup: no C++ compiler ($(CXX)); on Debian or Ubuntu: apt-get install g++"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet 'scikit-build-core>=0.11' 'cmake>=3.18' ninja
	touch $@

$(VENV)/.installed: $(VENV)/.created $(NATIVE_SOURCES)
	$(BIN)/python -m pip install --quiet --no-build-isolation --editable '.[dev]'
	touch $@

# Without network the rest works all the same; the message says what is missing.
$(VENV)/.mindspore-lite: $(VENV)/.installed $(LITE_SOURCES)
	@if $(BIN)/python -m dcelite.mindspore_lite install; then touch $@; \
	else echo "setup: MindSpore Lite is left out (see above): everything but .ms files works"; fi

demo: setup
	$(BIN)/python demo/demo.py --output build/demo $(if $(IMAGE),--image "$(IMAGE)")

test: lint types test-native test-sanitizers test-arm64 test-python
	@echo "all tests passed"

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The folders as the one package that they are when installed.
types: setup
	rm -rf build/types && mkdir -p build/types/dcelite
	ln -s $(CURDIR)/runtime/python/dcelite/* build/types/dcelite/
	ln -s $(CURDIR)/runtime/engines/mindspore_lite $(CURDIR)/training $(CURDIR)/export build/types/dcelite/
	MYPYPATH=build/types $(BIN)/mypy -p dcelite

test-python: setup test-native test-arm64
	$(BIN)/python -m pytest

# Native tests, by preset of CMakePresets.json; the environment's cmake and ninja, so that none need be installed.
define run_preset
	@mkdir -p build; export PATH="$(CURDIR)/$(BIN):$$PATH"; echo "native tests: $(1)"; \
	{ cmake --preset $(1) && cmake --build --preset $(1); } > build/$(1).log 2>&1 || { cat build/$(1).log; exit 1; }; \
	ctest --preset $(1)
endef

test-native: setup
	$(call run_preset,native)

test-sanitizers: setup
	$(call run_preset,address)
	$(call run_preset,thread)

# Needs Debian's cross compiler and emulator; DCELITE_REQUIRE_ALL=1 makes their absence an error.
test-arm64: setup
	@if command -v aarch64-linux-gnu-g++ >/dev/null && command -v qemu-aarch64-static >/dev/null; then \
		$(MAKE) --no-print-directory test-arm64-emulated; \
	else \
		echo "SKIPPED arm64: apt-get install g++-aarch64-linux-gnu qemu-user-static"; \
		test "$${DCELITE_REQUIRE_ALL:-0}" != 1; \
	fi

test-arm64-emulated:
	$(call run_preset,arm64)

clean:
	rm -rf build
