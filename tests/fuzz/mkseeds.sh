#!/bin/sh
# mkseeds.sh PROGRAM FOLDER SOURCE - make the seeds in FOLDER again, with PROGRAM, from its own
# repositories and from the corpus beside SOURCE, if it is there.
set -eu
program=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
folder=$2
corpus=${SHARED:-$3/../shared}/corpus
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
rm -rf "$folder"
mkdir -p "$folder"
set --
for archive in "$corpus"/*.tar.gz; do
	[ -f "$archive" ] || continue
	name=$(basename "$archive" .tar.gz)
	mkdir "$unpacked/$name"
	tar -xzf "$archive" -C "$unpacked/$name"
	set -- "$@" "$unpacked/$name/repo"
done
"$program" "$folder" "$@"
touch "$folder/made"
