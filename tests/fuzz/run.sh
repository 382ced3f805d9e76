#!/bin/sh
# run.sh FOLDER SAMPLES PROGRAM... - let libFuzzer run each fuzz target for FUZZ_SECONDS, FUZZ_JOBS
# of them at a time. Interesting inputs are kept in FOLDER/found/TARGET, inputs that fail a target
# as FOLDER/found/TARGET-*. Prints how many inputs were tried. With FUZZ_SEED the same inputs are
# tried each time, as far as the time allows.
set -eu
folder=$1
samples=$2
shift 2
found=$folder/found
export folder samples found
FUZZ_SECONDS=${FUZZ_SECONDS:-300}
export FUZZ_SECONDS
ASAN_OPTIONS=quarantine_size_mb=16:detect_stack_use_after_return=0
export ASAN_OPTIONS
mkdir -p "$found"

# shellcheck disable=SC2016 # expanded by the shell of each job
printf '%s\n' "$@" | xargs -P "${FUZZ_JOBS:-$(nproc)}" -I{} sh -c '
	target=$(basename {})
	target=${target#fuzz_}
	mkdir -p "$found/$target" "$folder/seeds/$target" "$found/samples"
	[ ! -d "$samples/$target" ] || known=$samples/$target
	case $target in
	repository) size=32768 ;;
	*) size=4096 ;;
	esac
	{} -max_total_time="$FUZZ_SECONDS" ${FUZZ_SEED:+-seed="$FUZZ_SEED"} -max_len=$size \
		-entropic=0 -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=512 \
		-print_final_stats=1 -artifact_prefix="$found/$target-" \
		"$found/$target" "$folder/seeds/$target" ${known:+"$known"} \
		>"$found/$target.log" 2>&1 && exit 0
	echo "not ok: $target, see $found/$target.log" >&2
	tail -n 40 "$found/$target.log" >&2
	exit 1
' || status=1

for program; do
	target=$(basename "$program")
	target=${target#fuzz_}
	count=$(sed -n "s/^stat::number_of_executed_units: *//p" "$found/$target.log")
	echo "figure: fuzz executions, $target: ${count:-0}"
done
exit "${status:-0}"
