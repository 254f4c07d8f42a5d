#!/bin/sh
# Make .venv and install one of the locked sets into it: requirements/install.sh local|dev
# Does nothing when that is done already. Uses uv where there is one, else venv and pip.
set -eu
cd "$(dirname "$0")/.."
set_name=$1
lock=requirements/$set_name.txt
stamp=.venv/.installed-$set_name

fail() {
    echo "alsobought: $1" >&2
    exit 1
}

find_python() {
    for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.14 python}; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            "$name" -c 'import sys; print(sys.executable)'
            return
        fi
    done
}

works() {
    .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

if works && [ -f "$stamp" ] && cmp -s "$lock" "$stamp"; then
    exit 0
fi

if ! works; then
    python=$(find_python)
    [ -n "$python" ] || fail "Python 3.11 or newer is needed; install it, or say where it is: make PYTHON=/path/to/python3"
    rm -rf .venv || fail "cannot replace .venv; delete it"
    if command -v uv >/dev/null 2>&1; then
        uv venv --quiet --python "$python" .venv || fail "cannot make .venv in $(pwd)"
    else
        "$python" -m venv .venv || fail "cannot make .venv; on Debian and Ubuntu install python3-venv"
    fi
fi

echo "installing $lock into .venv" >&2
if command -v uv >/dev/null 2>&1; then
    uv pip install --quiet --python .venv/bin/python --require-hashes -r "$lock" ||
        fail "cannot install $lock, see above"
else
    # The lock is complete, so nothing is left to resolve; older versions of pip, in resolving it,
    # ask for hashes of newer releases as soon as a package is wanted with an extra.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile \
        --require-hashes --no-deps -r "$lock" ||
        fail "cannot install $lock, see above"
fi
cp "$lock" "$stamp"
