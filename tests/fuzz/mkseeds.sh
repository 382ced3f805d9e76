#!/bin/sh
# mkseeds.sh PROGRAM FOLDER SOURCE - make the seeds in FOLDER again, with PROGRAM, from its own
# repositories and from the corpora beside SOURCE, if they are there.
set -eu
program=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
folder=$2
shared=${SHARED:-$3/../shared}
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
rm -rf "$folder"
mkdir -p "$folder"
set --
for archive in "$shared"/corpus/*.tar.gz "$shared"/corpus-borg/*.tar.gz; do
	[ -f "$archive" ] || continue
	name=$(basename "${archive%/*}")-$(basename "$archive" .tar.gz)
	mkdir "$unpacked/$name"
	tar -xzf "$archive" -C "$unpacked/$name"
	set -- "$@" "$unpacked/$name/repo"
done
"$program" "$folder" "$@"
touch "$folder/made"
