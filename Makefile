# Sluice. `make serve` and `make test` need nothing done before them on Debian 12 with a Swift toolchain.

SWIFT ?= swift
BINARY := .build/release/sluice
VENV := .venv
PYTEST := $(VENV)/bin/pytest
# poppler-utils is what reads PDF documents; without it they are refused.
PACKAGES := libevent-dev libcurl4-openssl-dev libyaml-dev libsqlite3-dev libpq-dev libhiredis-dev libssl-dev \
  pkg-config ca-certificates poppler-utils
# Real servers for the tests, which start their own on free ports, and programs that the tests call.
TEST_PACKAGES := python3 python3-venv curl openssl procps postgresql-15 redis-server chromium fonts-dejavu-core
# What the Swift toolchain itself needs to run and to link, and a bare Debian lacks.
TOOLCHAIN_PACKAGES := binutils libc6-dev libgcc-12-dev libncurses6 libxml2
BENCH_PACKAGES := nginx-light python3
SUDO := $(shell [ "$$(id -u)" = 0 ] || command -v sudo)

.PHONY: help serve build test unit-test end-to-end-test setup setup-tests test-packages check lint bench image asan-test

help: ## say what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

serve: build ## run the gateway on 127.0.0.1:8080 with the built-in simulator
	$(BINARY) serve

build: setup ## compile the release binary
	$(SWIFT) build -c release --product sluice

test: unit-test end-to-end-test ## all tests: the pure parts, then the real binary with real clients

unit-test: setup test-packages check ## tests of the parts, storage against a Postgres server of their own
	scripts/test-postgres run $(SWIFT) test

end-to-end-test: build setup-tests ## the real binary over real sockets, with the official SDK
	SLUICE_BINARY=$(abspath $(BINARY)) $(PYTEST) -q Tests/EndToEnd

asan-test: setup setup-tests ## the end-to-end suite against a binary built with the address sanitizer
	$(SWIFT) build -c debug --product sluice --sanitize=address --scratch-path .build/asan
	LSAN_OPTIONS=suppressions=$(abspath Tests/EndToEnd/lsan.supp) \
	  SLUICE_INSTRUMENTED=1 SLUICE_BINARY=$(abspath .build/asan/debug/sluice) $(PYTEST) -q Tests/EndToEnd

setup: ## install the system packages that are missing
	@scripts/install-packages $(TOOLCHAIN_PACKAGES) $(PACKAGES)

setup-tests: setup $(VENV)/.installed ## make the Python environment of the end-to-end tests

test-packages:
	@scripts/install-packages $(TEST_PACKAGES)

$(VENV)/.installed: Tests/EndToEnd/requirements.txt | test-packages
	@echo "making the Python environment in $(VENV)"
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r Tests/EndToEnd/requirements.txt
	@touch $@

check: ## the rules that the compiler does not know
	@scripts/check-floors
	@scripts/check-sizes

lint: ## format rules
	$(SWIFT) format lint -s -r Sources Tests bench Package.swift

bench: build ## Sluice beside nginx, what translating and recording cost; see bench/README.md
	@scripts/install-packages $(BENCH_PACKAGES)
	$(SWIFT) build -c release --product relay-load
	bench/relay/run
	bench/translate/run
	bench/audit/run

image: ## build the container image with whatever builder is there
	@for builder in docker podman buildah; do \
	  if command -v $$builder >/dev/null; then exec $$builder build -t sluice .; fi; \
	done; echo "no container builder found" >&2; exit 69
