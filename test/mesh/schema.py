"""Checks that a plan's JSON has the members that the table in docs/plan.md lists, and no others.

  schema.py DOCS/plan.md PLAN.json
"""
import json, re, sys


def documented(path):
    """Of each member of the table: the members of the entries of its list, if it has braces. Besides, those that are
    there only where the table says."""
    members, conditional = {}, set()
    with open(path) as file:
        section = file.read().split("## JSON")[1].split("\n## ")[0]
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) < 4 or not cells[1].startswith("`"):
            continue
        entry = re.search(r"\{([a-z_, ]+)\}", cells[2])
        if cells[2] == "object of bytes":
            entry = re.search(r"(`[a-z]+`.*)", cells[3].split(":", 1)[1])
            keys = [k for k in re.findall(r"`([a-z]+)`", entry.group(1))]
        else:
            keys = entry.group(1).replace(" ", "").split(",") if entry else None
        for name in re.findall(r"`([a-z_]+)`", cells[1]):
            members[name] = keys
            if cells[3].startswith("only where"):
                conditional.add(name)
    return members, conditional


def main():
    members, conditional = documented(sys.argv[1])
    with open(sys.argv[2]) as file:
        plan = json.load(file)
    faults = []
    if unlike := (set(plan) ^ set(members)) - (conditional - set(plan)):
        faults.append(f"members that only one of the two has: {sorted(unlike)}")
    optional = {"theory_bytes", "unreduced", "between_steps", "states", "gradients"}
    for name, keys in members.items():
        if not keys or name not in plan:
            continue
        entries = plan[name] if isinstance(plan[name], list) else [plan[name]]
        if not entries:
            faults.append(f"{name} is empty: nothing to check")
        for entry in entries:
            if not set(entry) <= set(keys) or set(keys) - set(entry) - optional:
                faults.append(f"{name}: {sorted(entry)} is not {sorted(keys)}")
                break
    print("\n".join(faults) or f"{len(members)} members as documented")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
