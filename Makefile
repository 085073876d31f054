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
	cargo test --locked

.PHONY: soak
soak: tools-nats ## Ten times as many random order histories as make test; SEEDS=100000 for more
	IBNATS_SOAK=1 IBNATS_SEEDS=$(SEEDS) cargo test --locked --test order_histories

.PHONY: test-interop
test-interop: tools ## Only the foreign clients: Python and Node
	@# The tests' own build of the program: another command would choose other features and compile everything again.
	cargo test --locked --no-run
	.tools/venv/bin/python -m pytest --maxfail=5 tests/interop/python

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

.PHONY: deny
deny: tools-deny ## Bans, licences and sources of every dependency
	$(BIN)/cargo-deny --locked check --hide-inclusion-graph bans licenses sources

.PHONY: advisories
advisories: tools-deny ## Known vulnerabilities; fetches the advisory database
	$(BIN)/cargo-deny --locked check --hide-inclusion-graph advisories

.PHONY: tools
tools: tools-nats tools-python tools-node ## Install what the tests need, where it is missing

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

.PHONY: tools-node
tools-node:
	@scripts/tools/node

.PHONY: tools-deny
tools-deny:
	@scripts/tools/cargo-deny

.PHONY: clean-tools
clean-tools: ## Remove everything the targets above installed
	rm -rf .tools tests/interop/node/node_modules
