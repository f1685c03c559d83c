#!/bin/sh
# The main job of tars, in a throw-away home, on the built-in agent: no key, no network.
# `make demo` runs it; so does `sh examples/demo.sh` where `tars` is installed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
if [ -x "$here/../.venv/bin/tars" ]; then
    PATH="$here/../.venv/bin:$PATH"
fi

TARS_HOME=$(mktemp -d "${TMPDIR:-/tmp}/tars-demo.XXXXXX")
export TARS_HOME

# Also on Ctrl-C and on a failure half-way: no daemon and no file stays behind.
clean_up() {
    tars stop > /dev/null 2>&1 || true
    rm -rf "$TARS_HOME"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Shows a command as it would be typed, then runs it.
run() {
    printf '$'
    for word in "$@"; do
        case $word in
            *[!A-Za-z0-9_./=-]*) printf ' "%s"' "$word" ;;
            *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    "$@"
    printf '\n'
}

# The agent that needs nothing, even where Gemini CLI is installed.
cat > "$TARS_HOME/config.toml" << 'CONFIG'
default_agent = "echo"

[agents.echo]
kind = "echo"
CONFIG

run tars start
run tars prompt "Is anybody there?"
run tars prompt "And do you remember what I asked?"
run tars status
run tars reset
run tars status
run tars stop
