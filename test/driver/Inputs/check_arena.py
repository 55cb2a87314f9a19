"""Checks what a manifest says about its arena: check_arena.py MANIFEST.json...

Buffers of a task that are alive together lie apart and inside the arena, every task's placement is within 1.02 of the
largest sum of bytes alive at one time, and the arena is what lives between tasks and the largest task's temporaries. The
same of host memory, whose offsets begin where the arena ends."""

import json
import sys


def check_buffers(task, buffers, begin, end, count):
    for offset, size, first, last, _ in buffers:
        assert begin <= offset and offset + size <= end, (offset, size)
        assert 0 <= first <= last < count, (first, last, count)
    for i, a in enumerate(buffers):
        for b in buffers[:i]:
            together = a[2] <= b[3] and b[2] <= a[3]
            apart = a[0] + a[1] <= b[0] or b[0] + b[1] <= a[0]
            assert apart or not together, (task["task"], a, b)


def check(manifest):
    persistent, arena = manifest["persistent_bytes"], manifest["arena_bytes"]
    host = arena + manifest.get("host_persistent_bytes", 0)
    steps = {}
    for entry in manifest["schedule"]:
        steps[entry["task"]] = steps.get(entry["task"], 0) + 1
    largest = largest_host = 0
    for task in manifest["temporaries"]:
        count = steps.get(task["task"], 0)
        assert task["bytes"] <= 1.02 * task["live_bytes"], (task["task"], task["bytes"], task["live_bytes"])
        check_buffers(task, task["buffers"], persistent, persistent + task["bytes"], count)
        host_bytes = task.get("host_bytes", 0)
        check_buffers(task, task.get("host_buffers", []), host, host + host_bytes, count)
        largest, largest_host = max(largest, task["bytes"]), max(largest_host, host_bytes)
    assert arena == persistent + largest, (arena, persistent, largest)
    assert manifest.get("host_bytes", 0) == host - arena + largest_host, (manifest.get("host_bytes"), largest_host)


for name in sys.argv[1:]:
    with open(name) as file:
        check(json.load(file))
print(len(sys.argv) - 1, "arenas are as they should be")
