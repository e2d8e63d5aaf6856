# The commands of this project; `make help` lists them. Each does the set-up it needs, and is quick the second time.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help run test build deps test-deps text-deps imported-deps dev-deps fetch bench results results-text results-imported asan tsan fuzz format lint install clean distclean

CONFIG ?= configs/quickstart.yaml
ARGS ?=
RANKS ?= 2
PRESET ?= release
PREFIX ?= $(CURDIR)/build/prefix
SECONDS ?= 30
SETUP := tools/setup
BUILD := build/$(PRESET)
VENV_PYTHON := .venv/bin/python
export DEPS OFFLINE PYTHON CMAKE_ARGS TESTS
DEPS ?= apt
PYTHON ?= python3

# $(call compile,PRESET,TARGETS): configures once (Ninja repeats it when a CMake file changes) and builds.
define compile
	@if [ ! -f build/$(1)/build.ninja ] || [ -n "$$CMAKE_ARGS" ]; then cmake --preset $(1) $$CMAKE_ARGS; fi
	@cmake --build build/$(1) $(if $(2),--target $(2)) $(if $(JOBS),-j $(JOBS))
endef

help: ## this list
	@echo "make TARGET [DEPS=apt|system] [OFFLINE=1] [PRESET=release|dev|asan|tsan] [CMAKE_ARGS=...] [JOBS=N]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F '|' '{printf "%-12s %s\n", $$1, $$2}'

run: deps ## the quick start under mpirun; CONFIG=configs/other.yaml RANKS=2 ARGS="--set a.b=c"
	$(call compile,$(PRESET),coppice)
	@sh $(SETUP)/prepare_data.sh $(CONFIG)
	@sh $(SETUP)/launch.sh $(RANKS) $(BUILD) $(BUILD)/simulations/coppice run $(CONFIG) --resume=auto $(ARGS)

test: text-deps ## every test, and a fast set again under sanitizers; ARGS="-R name" chooses
	$(call compile,release)
	$(call compile,asan,sanitize_tests)
	@$(VENV_PYTHON) $(SETUP)/run_tests.py build/release build/asan:sanitize --summary build/test-summary.txt -- $(ARGS)

build: deps ## the program and the tests, without running anything
	$(call compile,$(PRESET))

deps: ## system packages (DEPS=apt) and the wheels the program links, into .venv
	@sh $(SETUP)/system_packages.sh build
	@sh $(SETUP)/virtual_environment.sh run

test-deps: deps ## and the wheels that tests and tools need
	@sh $(SETUP)/virtual_environment.sh test

text-deps: test-deps ## and what language models, the Python module and tools/export_onnx.py need
	@sh $(SETUP)/virtual_environment.sh text

imported-deps: deps ## and the weights that tools/results_imported.py imports
	@sh $(SETUP)/virtual_environment.sh imported

dev-deps: deps
	@sh $(SETUP)/system_packages.sh build dev

fetch: ## with a network: fills .cache/ for `make build OFFLINE=1`; TESTS=1 also for make test
	@sh $(SETUP)/fetch.sh

asan: test-deps ## every test under the address and undefined-behaviour sanitizers
	$(call compile,asan)
	@$(VENV_PYTHON) $(SETUP)/run_tests.py build/asan -- $(ARGS)

tsan: test-deps ## the tests of the threads under the thread sanitizer
	$(call compile,tsan,sanitize_tests)
	@$(VENV_PYTHON) $(SETUP)/run_tests.py build/tsan:sanitize:mpi -- $(ARGS)

fuzz: dev-deps ## every fuzzer for SECONDS=30
	$(call compile,fuzz,fuzzers)
	@sh tests/fuzz/run_fuzzers.sh build/fuzz $(SECONDS)

bench: test-deps ## the benchmarks: JSON lines and a table
	$(call compile,release,coppice federated_rounds kernels)
	@$(VENV_PYTHON) bench/run.py --build build/release $(ARGS)

results: test-deps ## repeats the experiments behind docs/results.md and docs/results_federated.md
	$(call compile,release,coppice)
	@$(VENV_PYTHON) tools/results.py --build build/release $(ARGS)
	@$(VENV_PYTHON) tools/results_federated.py --build build/release

results-text: text-deps ## repeats the experiments behind docs/results_text.md
	$(call compile,release,coppice)
	@for preset in small_lm smollm2_fused_20; do sh $(SETUP)/prepare_data.sh configs/$$preset.yaml || exit 1; done
	@$(VENV_PYTHON) tools/results_text.py --build build/release $(ARGS)

results-imported: imported-deps ## repeats the experiments behind docs/results_imported.md
	$(call compile,release,coppice)
	@sh $(SETUP)/prepare_data.sh configs/smollm2_fused_20.yaml
	@$(VENV_PYTHON) tools/results_imported.py --build build/release $(ARGS)

format: dev-deps ## clang-format on every source file
	@git ls-files '*.h' '*.cc' | xargs clang-format -i

lint: dev-deps ## clang-format on all, clang-tidy on what changed; ALL=1 for everything
	$(call compile,$(PRESET))
	@sh $(SETUP)/lint.sh $(BUILD)

install: deps ## a prefix that may be moved: PREFIX=...
	$(call compile,$(PRESET),coppice)
	@cmake --install $(BUILD) --prefix $(PREFIX)

clean: ## removes build/
	rm -rf build

distclean: clean ## removes everything that set-up made here: also .venv and .cache
	rm -rf .venv .cache
