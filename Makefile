# make setup   an environment in .venv with everything: native library, training, export, MindSpore Lite
#              (PYTHON=... names the interpreter; from Python 3.13 on there is no MindSpore, and so no training and export)
# make demo    export the shipped weights to every format, then enhance a photograph (IMAGE=photo for your own)
# make bench   measure this machine: engines, instruction sets, three sizes, video; page, JSON and CSV in build/bench
# make bench-arm  instructions of a frame on Arm, of this library and of others, counted under QEMU: build/bench/arm.html
# make test    what is checked of every change: style, types, Python, native, sanitizers, clang, Arm, browser
# make test-all  and what takes long and fails rarely: more Pythons, the oldest compiler, quantisation of other weights
# make check   what one runs before a commit: style, types, native tests, the runtime's tests
# make wheels  a wheel for every platform, and the sources, into dist (PLATFORMS="linux-aarch64 ..." makes some of them)
# make libraries  the same for C and C++: archives of libraries, header, CMake package
# make web     the npm package and its page into build/web; make serve-web serves the page on this machine (PORT=8000)
# make apk     the demo app for Android, from Debian's tools: build/android/dcelite-demo.apk
# make fuzz    look for inputs that break the library, with clang, for MINUTES (5)
# make clean   remove what the others made, apart from .venv

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

# The interpreter to build the environment with: one that MindSpore exists for, which is 3.10 to 3.12, else a newer one.
PYTHON ?= $(shell for wanted in 'v < (3, 13)' 'True'; do for p in python3.12 python3.11 python3.10 python3 python3.14 \
	python3.13; do $$p -c "import sys; v = sys.version_info; sys.exit(v < (3, 10) or not $$wanted)" 2>/dev/null && \
	echo $$p && exit; done; done)
CXX ?= c++
VENV := .venv
BIN := $(VENV)/bin
NATIVE_SOURCES := $(shell find runtime bench -name '*.cpp' -o -name '*.h' -o -name 'CMakeLists.txt' -o -name '*.cmake' -o -name '*.in') \
	CMakeLists.txt pyproject.toml models/zerodcepp_scene.dce
LITE_SOURCES := $(wildcard runtime/engines/mindspore_lite/*)
IMAGE ?=
MINUTES ?= 5
PLATFORMS ?=
PORT ?= 8000
CHECKED := $(patsubst %,tests/runtime/test_%.py,cli enhancer extras files formats reference) tests/runtime/images \
	tests/runtime/model tests/test_nothing_replaced_unasked.py

.PHONY: setup demo bench wheels libraries web serve-web apk check test test-all lint links types test-python test-pythons test-native \
	test-sanitizers test-clang test-oldest-compiler test-arm64 test-armhf test-counts bench-arm frames-arm check-counts fuzz clean
.DELETE_ON_ERROR:

setup: $(VENV)/.installed $(VENV)/.mindspore-lite links
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 13))' || echo "setup: training and export are left out:" \
		"MindSpore exists for Python 3.10 to 3.12, $(VENV) has $$($(BIN)/python --version); all else works"

$(VENV)/.created:
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "setup: Python 3.10 to 3.12 is wanted," \
		"or a newer one for all but training and export; found: $(or $(PYTHON),none) (PYTHON=... names another);" \
		"on Debian or Ubuntu: apt-get install python3-venv"; exit 2; }
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
	$(BIN)/python demo/demo.py --output build/demo --overwrite $(if $(IMAGE),--image "$(IMAGE)")
	@echo "in a browser, with a camera, too: make serve-web (http://127.0.0.1:$(PORT)/)"

# The speed figures of the README, and more. The models that hold the whole enhancement in their graph are what one
# has without this runtime; the one for MindSpore Lite has a fixed size. A row without times, with its reason, is no failure.
# The int8 models are calibrated on photographs of scikit-image, darkened: good enough for times.
MODELS := build/bench/models
bench: setup
	$(BIN)/dcelite export --checkpoint models/zerodcepp_scene.ckpt --output $(MODELS) --formats onnx,ms --overwrite
	$(BIN)/dcelite export --checkpoint models/zerodcepp_scene.ckpt --output $(MODELS) --formats onnx,ms --overwrite \
		--resize-in-graph --uint8 --size 900x1200
	$(BIN)/python -m dcelite.bench.fixtures.literal_curve $(MODELS)/zerodcepp_scene_full_uint8.onnx \
		$(MODELS)/zerodcepp_scene_full_uint8_literal.onnx --overwrite
	$(BIN)/python -m dcelite.bench.fixtures.dark_pictures build/bench/dark --overwrite
	$(BIN)/dcelite quantize --checkpoint models/zerodcepp_scene.ckpt --calibration build/bench/dark --output $(MODELS) --overwrite
	$(BIN)/dcelite bench --isa all --model shipped --model $(MODELS)/zerodcepp_scene_int8.dce \
		--model $(MODELS)/zerodcepp_scene.onnx --model $(MODELS)/zerodcepp_scene_int8.onnx \
		--model $(MODELS)/zerodcepp_scene.ms --model $(MODELS)/zerodcepp_scene_int8.ms \
		--baseline $(MODELS)/zerodcepp_scene_full_uint8_literal.onnx --baseline $(MODELS)/zerodcepp_scene_full_uint8.onnx \
		--baseline $(MODELS)/zerodcepp_scene_full_uint8_900x1200.ms \
		--size 1200x900 --size 3840x2160 --size 4000x3000 --seconds 1 --max-seconds 4 --overwrite \
		--html build/bench/bench.html --json build/bench/bench.json --csv build/bench/bench.csv || test $$? = 1
	$(BIN)/python -m dcelite.bench.fixtures.clips build/bench/clips --overwrite
	for clip in pan still; do for smoothing in 0 0.8; do $(BIN)/dcelite video build/bench/clips/$$clip.mp4 \
		-o build/bench/clips/$${clip}_enhanced.mp4 --smoothing $$smoothing --overwrite || exit 1; done; done

# The compiler of zig, which has the C library of every platform with it: PyPI's ziglang.
$(VENV)/.packaging: $(VENV)/.created packaging/requirements.txt
	$(BIN)/python -m pip install --quiet -r packaging/requirements.txt
	touch $@

wheels libraries: $(VENV)/.packaging
	$(BIN)/python packaging/$@.py $(PLATFORMS)

web: $(VENV)/.packaging
	$(BIN)/python packaging/web.py

serve-web: web
	$(BIN)/python packaging/serve_web.py --port $(PORT)

# Debian's tools and two pinned downloads; without them it says SKIPPED and fails with status 3.
apk: $(VENV)/.created
	android_demo/build_apk.sh

test: lint types test-native test-sanitizers test-clang test-arm64 test-armhf test-counts test-pythons test-python
	@echo "all tests passed"

# What takes long and fails rarely, too: before a release, and after a change of compilers, Pythons or quantisation.
PYTHONS := 3.14
SELECTION := -m 'not slow'
test-all: PYTHONS := 3.10 3.13 3.14
test-all: SELECTION :=
test-all: export DCELITE_ARCHIVE_OBJECTS := 2000
test-all: test-oldest-compiler test

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# NumPy 2, which comes with newer Pythons, has other types.
types: setup links
	@if $(BIN)/python -c 'import numpy, sys; sys.exit(not numpy.__version__.startswith("1."))'; then \
		MYPYPATH=build/types $(BIN)/mypy -p dcelite; \
	else \
		echo "SKIPPED types: they are those of NumPy 1, which MindSpore brings with Python 3.10 to 3.12"; \
		test "$${DCELITE_REQUIRE_ALL:-0}" != 1; \
	fi

# The folders as the one package that they are when installed, for mypy and for editors.
links:
	@rm -rf build/types && mkdir -p build/types/dcelite
	@ln -s $(CURDIR)/runtime/python/dcelite/* build/types/dcelite/
	@ln -s $(CURDIR)/runtime/engines/mindspore_lite $(CURDIR)/training $(CURDIR)/export $(CURDIR)/quantize $(CURDIR)/bench $(CURDIR)/archive build/types/dcelite/

# What one runs before a commit, without network or MindSpore.
check: lint types test-native
	$(BIN)/python -m pytest -q $(CHECKED)

test-python: setup test-native test-arm64 test-armhf wheels web
	$(BIN)/python -m pytest $(SELECTION)

# The package and the runtime's tests with the newest Python (test-all: the oldest, too), fetched where the machine has it not.
test-pythons: $(VENV)/.created
	tests/pythons/run.sh $(BIN)/python $(PYTHONS)

# Native tests, by preset of CMakePresets.json; the environment's cmake and ninja, so that none need be installed. Tests of
# instruction sets that neither this processor nor an emulator has are listed as skipped, and say so at the end.
define run_preset
	@mkdir -p build; export PATH="$(CURDIR)/$(BIN):$$PATH"; echo "native tests: $(1)"; \
	{ cmake --preset $(1) && cmake --build --preset $(1); } > build/$(1).log 2>&1 || { cat build/$(1).log; exit 1; }; \
	ctest --preset $(1); grep '^SKIPPED' build/$(1)/Testing/Temporary/LastTest.log || true
endef

test-native: setup
	$(call run_preset,native)

test-sanitizers: setup
	$(call run_preset,address)
	$(call run_preset,thread)

# $(call with_tools,NAME,TOOLS,PACKAGES,TARGETS) makes the targets where the tools are; DCELITE_REQUIRE_ALL=1 makes their
# absence an error.
define with_tools
	@if missing=; for tool in $(2); do command -v $$tool >/dev/null || missing=1; done; [ -z "$$missing" ]; then \
		$(MAKE) --no-print-directory $(4); \
	else \
		echo "SKIPPED $(1): apt-get install $(3)"; test "$${DCELITE_REQUIRE_ALL:-0}" != 1; \
	fi
endef

test-clang: setup
	$(call with_tools,clang,clang++,clang,test-preset-clang)

test-preset-%:
	$(call run_preset,$*)

# Debian's cross compilers and emulators.
test-arm64: setup
	$(call with_tools,arm64,aarch64-linux-gnu-g++ qemu-aarch64-static,g++-aarch64-linux-gnu qemu-user-static,\
		test-preset-arm64 $(VENV)/.mindspore-lite-arm64)

test-armhf: setup
	$(call with_tools,armhf,arm-linux-gnueabihf-g++ qemu-arm-static,g++-arm-linux-gnueabihf qemu-user-static,test-preset-armhf)

# What is counted; bench/arm.
frames-arm:
	@for preset in arm64 armhf; do export PATH="$(CURDIR)/$(BIN):$$PATH"; mkdir -p build; \
	{ cmake --preset $$preset && cmake --build --preset $$preset --target dce_frames; } > build/$$preset-frames.log 2>&1 || \
	{ cat build/$$preset-frames.log; exit 1; }; done

# Fails where a frame takes more instructions than bench/arm/counts.json says; after a change that is worth it: --update.
check-counts: frames-arm
	@status=0; $(BIN)/python -m dcelite.bench.arm --check || status=$$?; \
	[ $$status = 3 ] && [ "$${DCELITE_REQUIRE_ALL:-0}" != 1 ] || exit $$status

test-counts: setup
	$(call with_tools,counts of instructions,aarch64-linux-gnu-g++ arm-linux-gnueabihf-g++ qemu-aarch64,\
		g++-aarch64-linux-gnu g++-arm-linux-gnueabihf qemu-user,check-counts)

# Needs Debian's mirrors and PyPI for arm64. Models that export does not write are written by bench/arm/peers.py. LiteRT's
# package has the schema of its models, which flatbuffers writes.
PEERS := onnxruntime==1.32.0 ncnn==1.0.20261020 MNN==3.6.1 ai-edge-litert==2.3.0
bench-arm: setup frames-arm $(VENV)/.mindspore-lite-arm64
	$(BIN)/dcelite export --checkpoint models/zerodcepp_scene.ckpt --output $(MODELS) --formats onnx,ms --overwrite
	$(BIN)/dcelite export --checkpoint models/zerodcepp_scene.ckpt --output $(MODELS) --formats onnx,ms --overwrite \
		--resize-in-graph --uint8 --size 900x1200
	$(BIN)/python -m dcelite.bench.fixtures.literal_curve $(MODELS)/zerodcepp_scene_full_uint8.onnx \
		$(MODELS)/zerodcepp_scene_full_uint8_literal.onnx --overwrite
	tests/packaging/debian_packages.sh arm64 build/bench-arm/debian python3-minimal python3-numpy
	rm -rf build/bench-arm/packages
	$(BIN)/python -m pip install --quiet --no-deps --target build/bench-arm/packages --only-binary=:all: \
		--python-version 3.13 --implementation cp --abi cp313 --platform manylinux_2_28_aarch64 \
		--platform manylinux_2_27_aarch64 --platform manylinux2014_aarch64 $(PEERS)
	$(BIN)/python -m dcelite.bench.arm --peers build/bench-arm --overwrite --html build/bench/arm.html --json build/bench/arm.json
	@export PATH="$(CURDIR)/$(BIN):$$PATH"; { cmake --preset native && cmake --build --preset native --target dce_frames; } > build/native-frames.log 2>&1 \
		|| { cat build/native-frames.log; exit 1; }
	$(BIN)/python -m dcelite.bench.arm.estimate

# The oldest compiler that the runtime is promised to build with; runtime/README.md names it.
test-oldest-compiler: setup
	@status=0; tests/runtime/native/gcc9.sh build/gcc-9 || status=$$?; case $$status in \
		0) $(MAKE) --no-print-directory test-preset-gcc9 ;; \
		3) echo "SKIPPED the oldest compiler: GCC 9.3 cannot be had (see above)"; test "$${DCELITE_REQUIRE_ALL:-0}" != 1 ;; \
		*) exit $$status ;; \
	esac

$(VENV)/.mindspore-lite-arm64: $(VENV)/.installed $(LITE_SOURCES)
	@if $(BIN)/python -m dcelite.mindspore_lite install --arch aarch64; then touch $@; \
	else echo "SKIPPED MindSpore Lite on arm64 (see above)"; fi

# Both fuzzers at once. New inputs collect in build/fuzz, and stay there for the next run; the corpus in the repository is
# the start. Whatever breaks the library is written to build/fuzz/FUZZER-crash-…
fuzz: setup
	@command -v clang++ >/dev/null || { echo "fuzz: no clang; on Debian or Ubuntu: apt-get install clang libclang-rt-dev"; exit 2; }
	@mkdir -p build/fuzz/found/fuzz_model build/fuzz/found/fuzz_image; export PATH="$(CURDIR)/$(BIN):$$PATH"; \
	{ cmake --preset fuzz && cmake --build --preset fuzz; } > build/fuzz.log 2>&1 || { cat build/fuzz.log; exit 1; }
	@echo "fuzzing for $(MINUTES) minutes; build/fuzz/FUZZER.log has the progress"; status=0; \
	for name in fuzz_model fuzz_image; do \
		build/fuzz/tests/runtime/native/$$name -max_total_time=$$((60 * $(MINUTES))) \
			-artifact_prefix=build/fuzz/$$name- build/fuzz/found/$$name tests/runtime/native/corpus/$$name \
			> build/fuzz/$$name.log 2>&1 & \
	done; \
	for job in $$(jobs -p); do wait $$job || status=1; done; \
	grep -hE '^Done|ERROR|SUMMARY|failed:|Test unit' build/fuzz/fuzz_*.log; exit $$status

clean:
	rm -rf build
