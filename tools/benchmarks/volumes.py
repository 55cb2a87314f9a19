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


def theory(manifest):
    """(kind, axes) to the bytes that a rank sends in a step by the formulas of docs/partitioning.md, which the plan in the
    executable has; a row of the plan that has none makes the sum None."""
    result = {}
    for row in manifest["plan"]["collectives"]:
        key = (row["kind"], "+".join(row["axes"]))
        bytes_ = row.get("theory_bytes")
        before = result.get(key, 0.0)
        result[key] = None if bytes_ is None or before is None else before + bytes_
    return result


def rows(manifest):
    """The table: what is sent of each kind over each list of axes, by the schedule, beside theory; then the sums."""
    formulas, sent = theory(manifest), {}
    for (kind, axes, dtype), (calls, bytes_) in sorted(volumes(manifest).items()):
        entry = sent.setdefault((kind, axes), [[], 0, 0.0])
        entry[0].append(dtype)
        entry[1] += calls
        entry[2] += bytes_
    mib = lambda value: "-" if value is None else f"{value / 2**20:.3f}"
    keys = sorted({*sent, *(key for key, bytes_ in formulas.items() if bytes_ != 0)})
    lines = []
    for key in keys:
        dtypes, calls, bytes_ = sent.get(key, ([], 0, 0.0))
        lines.append([*key, ", ".join(dtypes), str(calls), mib(bytes_), mib(formulas.get(key))])
    known = list(formulas.values())
    lines.append(["together", "", "", str(sum(entry[1] for entry in sent.values())),
                  mib(sum(entry[2] for entry in sent.values())), mib(None if None in known else sum(known))])
    return lines


def differing(manifest):
    """The kinds and axes of which the schedule sends other bytes than the formulas say."""
    formulas, sent = theory(manifest), {}
    for (kind, axes, _), (_, bytes_) in volumes(manifest).items():
        sent[kind, axes] = sent.get((kind, axes), 0.0) + bytes_
    return sorted(key for key in {*formulas, *sent}
                  if formulas.get(key) is None or abs(sent.get(key, 0.0) - formulas[key]) > 1e-6 * max(1.0, formulas[key]))


HEAD = ["collective", "axes", "type", "calls a step", "MiB a rank sends", "theory MiB"]
