"""Checks what a manifest says about its arena: check_arena.py MANIFEST.json...

Buffers of a task that are alive together lie apart and inside the arena, every task's placement is within 1.02 of the
largest sum of bytes alive at one time, and the arena is what lives between tasks and the largest task's temporaries."""

import json
import sys


def check(manifest):
    persistent, arena = manifest["persistent_bytes"], manifest["arena_bytes"]
    steps = {}
    for entry in manifest["schedule"]:
        steps[entry["task"]] = steps.get(entry["task"], 0) + 1
    largest = 0
    for task in manifest["temporaries"]:
        largest = max(largest, task["bytes"])
        count = steps.get(task["task"], 0)
        assert task["bytes"] <= 1.02 * task["live_bytes"], (task["task"], task["bytes"], task["live_bytes"])
        buffers = task["buffers"]
        for offset, size, first, last, _ in buffers:
            assert persistent <= offset and offset + size <= persistent + task["bytes"], (offset, size)
            assert 0 <= first <= last < count, (first, last, count)
        for i, a in enumerate(buffers):
            for b in buffers[:i]:
                together = a[2] <= b[3] and b[2] <= a[3]
                apart = a[0] + a[1] <= b[0] or b[0] + b[1] <= a[0]
                assert apart or not together, (task["task"], a, b)
    assert arena == persistent + largest, (arena, persistent, largest)


for name in sys.argv[1:]:
    with open(name) as file:
        check(json.load(file))
print(len(sys.argv) - 1, "arenas are as they should be")
