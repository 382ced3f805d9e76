#!/bin/sh
# Static analysis of everything that is shipped: gcc's -fanalyzer, cppcheck, clang-tidy. Any output
# of theirs is an error. "make analyze" calls it: analyze.sh SOURCE-FOLDER, with CPPFLAGS and JOBS
# in the environment.
set -u

cd "$1" || exit 1
: "${CPPFLAGS=}" "${JOBS=$(nproc)}"
failed=

# gcc 12 does not follow memory that passes to another owner, which LeakSanitizer watches in every
# test, and memory that is filled through a pointer to a function, as by every read. Without
# optimization, since it takes the paths that the optimizer splits for separate ones.
GCC_FLAGS='-std=gnu11 -O0 -Wall -Wextra -Werror -fanalyzer -Wno-analyzer-malloc-leak
	-Wno-analyzer-use-of-uninitialized-value'

# need COMMAND PACKAGE
need() {
	command -v "$1" >/dev/null && return 0
	echo "analyze: $1 is missing; install the package $2" >&2
	exit 1
}

# each COMMAND...: run it with every source as its last argument, several at once.
each() {
	find engine src ui -name '*.c' | sort | xargs -P "$JOBS" -n 1 "$@"
}

# run NAME COMMAND...
run() {
	name=$1
	shift
	begun=$(date +%s)
	if "$@"; then
		echo "analyze: $name: clean after $(($(date +%s) - begun)) s"
	else
		echo "analyze: $name: NOT clean" >&2
		failed=yes
	fi
}

analyze_with_gcc() {
	# shellcheck disable=SC2086 # lists of words
	each gcc $GCC_FLAGS $CPPFLAGS -o /dev/null -c
}

analyze_with_cppcheck() {
	# shellcheck disable=SC2086
	cppcheck -j "$JOBS" --quiet --std=c11 --enable=warning,performance,portability,style \
		--inline-suppr --suppressions-list=tests/lint/cppcheck.txt --error-exitcode=1 \
		$CPPFLAGS engine src ui
}

# clang-tidy counts hidden warnings on stderr.
analyze_with_clang_tidy() {
	# shellcheck disable=SC2086,SC2016
	CPPFLAGS=$CPPFLAGS each sh -c 'clang-tidy --quiet --warnings-as-errors="*" "$1" -- \
		-std=gnu11 $CPPFLAGS 2>/dev/null' tidy
}

need gcc gcc
need cppcheck cppcheck
need clang-tidy clang-tidy
run 'gcc -fanalyzer' analyze_with_gcc
run cppcheck analyze_with_cppcheck
run clang-tidy analyze_with_clang_tidy
[ -z "$failed" ]
