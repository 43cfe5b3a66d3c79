#!/bin/sh
# Regenerates the lists beside this script with the official classes: dump.sh LIBS, the directory with Kafka 4.3.0's jars (Java 17).
# With --check, only compares.
set -eu
libs=$1
here=$(cd "$(dirname "$0")" && pwd)
new=$(mktemp)
trap 'rm -f "$new"' EXIT
for what in configs values; do
    java -cp "$libs/*" "$here/DumpConfigs.java" "$what" 2>/dev/null > "$new"
    if [ "${2:-}" = --check ]; then
        cmp "$here/$what.tsv" "$new"
    else
        cp "$new" "$here/$what.tsv"
    fi
    echo "$(wc -l < "$new") $what"
done
