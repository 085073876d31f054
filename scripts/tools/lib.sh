# What the tool scripts share: where things go, version order, and how the choice is told. Sourced only.
# shellcheck shell=bash

set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TOOLS=$ROOT/.tools
BIN=$TOOLS/bin
# shellcheck source=scripts/tools/pins.sh
source "$ROOT/scripts/tools/pins.sh"
mkdir -p "$BIN"

say() { printf '%s\n' "$*" >&2; }
fail() {
    say "error: $*"
    exit 1
}

# Whether version $1 is at least version $2.
at_least() { [ -n "$1" ] && [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# The first number of the form 1.2 or 1.2.3 in the text on stdin; empty if there is none.
version_in() { grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)?' | head -n 1 || true; }

# The command $1 on PATH outside .tools, so that a link made earlier is not taken for the real thing.
on_path() {
    local dir
    local -a dirs
    IFS=: read -ra dirs <<<"$PATH"
    for dir in "${dirs[@]}"; do
        if [ "$dir" != "$BIN" ] && [ -x "$dir/$1" ] && [ ! -d "$dir/$1" ]; then
            printf '%s\n' "$dir/$1"
            return
        fi
    done
}

# Links .tools/bin/$1 to $2 and remembers in words ($3) where it came from.
use() {
    ln -sfn "$2" "$BIN/$1"
    printf '%s\n' "$3" >"$BIN/.$1.origin"
}

# Tells which tool is used: name, version, origin.
tell() { say "using $1 $2 ($(cat "$BIN/.$1.origin" 2>/dev/null || echo "found earlier"))"; }

# A pip of our own in .tools/venv; Python comes from the system, or from apt-get where we may use it.
need_venv() { "$ROOT/scripts/tools/venv"; }

pip_install() {
    "$TOOLS/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "$@"
}

# Builds the program $1 of the crate of that name, version $2, and links it.
from_cargo() {
    say "building $1 $2 (a few minutes, once)"
    # Outside the checkout's own target folder, and not under its lints or configuration.
    (cd "$TOOLS" && CARGO_TARGET_DIR=$TOOLS/$1-build cargo install "$1" --locked --version "$2" --root "$TOOLS/cargo" --force) \
        </dev/null >"$TOOLS/$1.log" 2>&1 || { say "that did not work: .tools/$1.log"; return 1; }
    rm -rf "$TOOLS/$1-build"
    use "$1" "$TOOLS/cargo/bin/$1" "built with cargo install"
}

# A hash over the files and words that an installation depends on.
stamp_of() { cat "$@" 2>/dev/null | sha256sum | cut -d' ' -f1; }
