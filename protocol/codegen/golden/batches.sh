#!/bin/sh
# Regenerates protocol/tests/golden/batches.gz with the official classes: batches.sh LIBS, the directory with Kafka 4.3.0's jars
# (Java 17). With --check, only compares.
set -eu
libs=$1
here=$(cd "$(dirname "$0")" && pwd)
out=$here/../../tests/golden/batches.gz
new=$(mktemp)
trap 'rm -f "$new"' EXIT
java -cp "$libs/*" "$here/GoldenBatches.java" > "$new"
if [ "${2:-}" = --check ]; then
    gzip -dc "$out" | cmp - "$new"
else
    gzip -9nc "$new" > "$out"
fi
echo "$(wc -l < "$new") batches"
