"""What ranks send: the volumes of a manifest's collectives, and those that theory gives."""
import math

BYTES = {"f64": 8, "i64": 8, "f32": 4, "i32": 4, "u32": 4, "bf16": 2, "f16": 2, "i16": 2, "i8": 1, "u8": 1, "i1": 1}


def runs_in_step(task, microbatches):
    """How often a step runs a task; evaluation is no part of one."""
    return {"step": 1, "first": 1, "next": microbatches - 1, "update": 1}.get(task, 0)


def group_size(manifest, collective):
    sizes = {axis["name"]: axis["size"] for axis in manifest["mesh"]["axes"]}
    return math.prod(sizes[axis] for axis in collective["axes"])


def sent_by_rank(kind, n, member, element):
    """Bytes that one rank sends for a member: docs/communication.md."""
    if kind == "all_reduce":
        return 2 * (n - 1) * member["outer"] * member["inner"] * element / n
    # A block: what one rank sends to one other.
    block = member["outer"] * member.get("middle", 1) * member["inner"] * element
    return (n - 1) * block


def volumes(manifest):
    """(kind, axes, dtype) to [calls in a step, bytes that a rank sends in a step], by the schedule."""
    result = {}
    for line in manifest["schedule"]:
        times = runs_in_step(line["task"], manifest.get("microbatches", 1))
        if line["op"] != "collective" or times == 0:
            continue
        collective = manifest["collectives"][line["call"]]
        n = group_size(manifest, collective)
        sent = sum(sent_by_rank(collective["kind"], n, member, BYTES[collective["dtype"]])
                   for member in collective["members"])
        entry = result.setdefault((collective["kind"], "+".join(collective["axes"]), collective["dtype"]), [0, 0.0])
        entry[0] += times
        entry[1] += times * sent
    return result


def expected(manifest, zero):
    """Bytes that a rank must send in a step for its data-parallel ranks, or None where the mesh has others too: gradients
    are reduced once, and parameters gathered once where each rank updates a part (levels 1 and 2) and twice, before the
    forward and the backward pass, where each keeps a part only (level 3). An all-reduce is a reduction to parts and a gather."""
    axes = {axis["name"]: axis["size"] for axis in manifest["mesh"]["axes"]}
    n = axes.get("shard", 1) * axes.get("replica", 1)
    if axes.get("tp", 1) != 1 or n == 1 or (zero == 3 and axes.get("replica", 1) != 1):
        return None
    total = 0.0
    for param in manifest["params"]:
        if not param["trainable"]:
            continue
        bytes_of_all = math.prod(param["shape"]) * BYTES[param["dtype"]]
        total += (3 if zero == 3 and "sharding" in param else 2) * bytes_of_all
    return total * (n - 1) / n


def rows(manifest, zero):
    """The table: what is communicated for each kind, then the sum beside theory."""
    found = volumes(manifest)
    mib = lambda value: f"{value / 2**20:.3f}"
    lines = [[kind, axes, dtype, str(calls), mib(sent), ""]
             for (kind, axes, dtype), (calls, sent) in sorted(found.items())]
    theory = expected(manifest, zero)
    total = sum(sent for _, sent in found.values())
    lines.append(["together", "", "", str(sum(calls for calls, _ in found.values())), mib(total),
                  mib(theory) if theory is not None else "-"])
    return lines


HEAD = ["collective", "axes", "type", "calls a step", "MiB a rank sends", "theory MiB"]
