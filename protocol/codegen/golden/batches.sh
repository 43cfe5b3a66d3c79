#!/bin/sh
# Regenerates protocol/tests/golden/{batches,verdicts}.gz with the official classes: batches.sh LIBS, the directory with Kafka
# 4.3.0's jars (Java 17). With --check, only compares.
set -eu
libs=$1
here=$(cd "$(dirname "$0")" && pwd)
new=$(mktemp)
trap 'rm -f "$new"' EXIT
for what in Batches Verdicts; do
    out=$here/../../tests/golden/$(echo $what | tr BV bv).gz
    java -cp "$libs/*" "$here/Golden$what.java" 2>/dev/null > "$new"
    if [ "${2:-}" = --check ]; then
        gzip -dc "$out" | cmp - "$new"
    else
        gzip -9nc "$new" > "$out"
    fi
    echo "$(wc -l < "$new") $what"
done
