#!/bin/sh
# The tour that `make demo` runs: BIN is the virtual environment's bin directory, DEMO a new folder.
set -u
BIN=$1
DEMO=$2
PATH="$(cd "$BIN" && pwd):$PATH"
EXAMPLES=$(cd "$(dirname "$0")" && pwd)

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }

# A step that ends with another exit code than expected ends the demo.
expect() {
    wanted=$1
    shift
    run "$@"
    code=$?
    if [ "$code" -ne "$wanted" ]; then
        echo "demo: expected exit code $wanted, got $code" >&2
        exit 1
    fi
}

rm -rf "$DEMO"
mkdir -p "$DEMO"
cd "$DEMO" || exit 1

say "1. A small study from real microscopy images"
expect 0 python "$EXAMPLES/make_study.py" study

say "2. Make it an RO-Crate in which every file, every OME-Zarr and the whole have a fingerprint"
expect 0 crate-iscc build study --name "Cells, tissue, retina" --license CC0-1.0 \
    --description "Three microscopy images, a mask, a table and a figure."

say "3. The same as one zip, and both verified (the zip in place, never unpacked)"
expect 0 crate-iscc build study -o study.zip
expect 0 crate-iscc verify study
expect 0 crate-iscc verify study.zip

say "4. Damage a copy in five ways"
cp -R study damaged
expect 0 python "$EXAMPLES/damage_study.py" damaged

say "5. What verify says about it (exit code 1: a problem was found)"
expect 1 crate-iscc verify damaged

say "Done: the crates are in $DEMO"
