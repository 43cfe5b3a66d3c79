#!/bin/sh
# Regenerates protocol/tests/golden/frames.gz with the official classes: dump.sh LIBS, the directory with Kafka 4.3.0's jars (Java 17).
# With --check, only compares.
set -eu
libs=$1
here=$(cd "$(dirname "$0")" && pwd)
out=$here/../../tests/golden/frames.gz
new=$(mktemp)
trap 'rm -f "$new"' EXIT
java -cp "$libs/*" "$here/GoldenFrames.java" "$libs" > "$new"
if [ "${2:-}" = --check ]; then
    gzip -dc "$out" | cmp - "$new"
else
    gzip -9nc "$new" > "$out"
fi
echo "$(wc -l < "$new") frames"
