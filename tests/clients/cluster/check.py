#!/usr/bin/env python3
"""check.py ACKED READ [GROUP]: every acknowledged record was read back at its offset, once, in order.

ACKED and READ have a line a record: partition, offset, value (an offset of `-` in ACKED is not known). READ is the whole topic. GROUP is
what a group has read on its way: all of it, twice at most where a commit was lost with a coordinator. Prints what is wrong and exits 1.
"""
import collections
import sys


def lines(path):
    for line in open(path):
        fields = line.split()
        if len(fields) == 3:
            yield fields


wrong = []
read, values, last = {}, collections.Counter(), {}
for partition, offset, value in lines(sys.argv[2]):
    read[(partition, int(offset))] = value
    values[value] += 1
    number = int(value.rsplit("-", 1)[1])
    if number <= last.get(partition, -1):
        wrong.append(f"partition {partition} has {value} behind {last[partition]}")
    last[partition] = number
wrong += [f"{value} is there {n} times" for value, n in values.items() if n > 1]
acked = 0
for partition, offset, value in lines(sys.argv[1]):
    acked += 1
    if offset != "-" and int(offset) >= 0:
        if read.get((partition, int(offset))) != value:
            wrong.append(f"{value} was acknowledged at {partition}:{offset}, where {read.get((partition, int(offset)))} is")
    elif value not in values:
        wrong.append(f"{value} was acknowledged and is lost")
if len(sys.argv) > 3:
    seen = {(p, int(o)): v for p, o, v in lines(sys.argv[3])}
    missed = [f"the group has not read {v} at {p}:{o}" for (p, o), v in read.items() if seen.get((p, o)) != v]
    wrong += missed
if not acked:
    wrong.append("nothing was acknowledged")
for line in wrong[:10]:
    print("   ", line)
print(f"{acked} acknowledged, {len(read)} read, {len(wrong)} wrong")
sys.exit(1 if wrong else 0)
