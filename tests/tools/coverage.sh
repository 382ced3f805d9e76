#!/bin/sh
# Line and branch coverage of engine/ by the suite, in a build of its own.
#
#   coverage.sh SOURCE FOLDER    SOURCE: the top of the source; FOLDER: made and kept for the build
#
# Prints for each file the lines, with those that nothing reached, and then the branches. Only
# branches of the source count, not those that the compiler adds.
set -eu

source=$(cd "$1" && pwd)
folder=$2

if ! command -v gcovr >/dev/null; then
	echo "coverage: gcovr is missing (Debian: apt-get install gcovr)" >&2
	exit 1
fi

mkdir -p "$folder"
cd "$folder"

# Several threads and processes count at once; without optimization a line is a line.
[ -f Makefile ] || "$source/configure" --quiet \
	CFLAGS='-O0 -g --coverage -fprofile-update=atomic'

find . -name '*.gcda' -exec rm -f {} +

# Some tests cannot pass here: tests/README names them. The figures are printed all the same.
"${MAKE:-make}" -s -k check || echo "coverage: not all tests passed, see $folder/test-suite.log"

report() {
	gcovr --root "$source" --filter "$source/engine/" --exclude-unreachable-branches "$@" engine
}

report
echo
echo "Branches:"
report --branches
