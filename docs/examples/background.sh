#!/usr/bin/env bash
# Run a command, such as the tests of an app, with an emulator in the background:
#   background.sh npm test
# The emulator takes any free port, and the command finds its address in SEGMENT_HOST.
set -euo pipefail

address=$(mktemp)
emulator serve --db :memory: --port 0 > "$address" &
emulator=$!
trap 'kill "$emulator" 2> /dev/null || true; rm -f "$address"' EXIT

# The line comes when the emulator accepts requests. If it cannot start, it says why, and this ends.
until [ -s "$address" ]; do
  kill -0 "$emulator" 2> /dev/null || exit 2
  sleep 0.1
done
export SEGMENT_HOST SEGMENT_WRITE_KEY=wk_demo
SEGMENT_HOST=$(cut -d ' ' -f 1 "$address")
"$@"
