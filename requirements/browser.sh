#!/bin/sh
# Get a browser for the tests: an installed Chrome or Chromium, else Debian's package when root,
# else Playwright's own download.
set -eu
cd "$(dirname "$0")/.."

for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null 2>&1; then
        exit 0
    fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing Debian's chromium" >&2
    if apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; then
        exit 0
    fi
fi
.venv/bin/playwright install chromium || {
    echo "alsobought: no browser for the tests; install Chrome or Chromium" >&2
    exit 1
}
