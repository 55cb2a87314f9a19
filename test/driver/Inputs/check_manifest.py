"""Checks a PyTorchJob against a schema, and says in a few lines what it asks for.

  check_manifest.py SCHEMA.json MANIFEST.yaml
"""
import json
import re
import shlex
import sys


def scalar(text):
    """A YAML scalar or a flow sequence, of the forms that JSON has too; else plain text."""
    text = text.strip()
    try:
        return json.loads(text)
    except ValueError:
        return text


def parse(lines, indent):
    """The block of YAML at this indentation. Takes its lines."""
    result = None
    while lines and lines[0][0] == indent:
        at, text = lines.pop(0)
        if text.startswith("- "):
            result = [] if result is None else result
            # What follows the dash is the first line of a block that is indented further.
            lines.insert(0, (at + 2, text[2:].strip()))
            result.append(parse(lines, at + 2))
            continue
        result = {} if result is None else result
        key, separator, value = re.match(r"([^:\s]+)(:)\s*(.*)$", text).groups()
        if key in result:
            sys.exit(f"'{key}' is given twice")
        if value:
            result[key] = scalar(value)
        elif lines and lines[0][0] > at:
            result[key] = parse(lines, lines[0][0])
        else:
            result[key] = None
    return result


def read(path):
    lines = []
    for line in open(path):
        if line.strip() and not line.lstrip().startswith("#"):
            lines.append((len(line) - len(line.lstrip()), line.strip()))
    document = parse(lines, 0)
    if lines:
        sys.exit(f"not understood: {lines[0][1]}")
    return document


TYPES = {"object": dict, "array": list, "string": str, "integer": int}


def check(value, schema, definitions, where):
    schema = definitions[schema["$ref"]] if "$ref" in schema else schema
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(isinstance(value, TYPES[name]) and not isinstance(value, bool) for name in types):
        yield f"{where}: {value!r} is not of type {' or '.join(types)}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {', '.join(schema['enum'])}"
    if "pattern" in schema and not re.match(schema["pattern"], str(value)):
        yield f"{where}: {value!r} does not match {schema['pattern']}"
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from check(item, schema["items"], definitions, f"{where}[{i}]")
    if isinstance(value, dict):
        for name in schema.get("required", []):
            if name not in value:
                yield f"{where}: '{name}' is missing"
        for name, item in value.items():
            inner = schema.get("values") or schema["properties"].get(name)
            if inner is None:
                yield f"{where}: '{name}' is not known"
            else:
                yield from check(item, inner, definitions, f"{where}.{name}" if where else name)


def main():
    schema, job = json.load(open(sys.argv[1])), read(sys.argv[2])
    faults = list(check(job, schema, schema["definitions"], ""))
    if faults:
        sys.exit("\n".join(faults))
    replicas = job["spec"]["pytorchReplicaSpecs"]
    templates = [role["template"] for role in replicas.values()]
    if any(template != templates[0] for template in templates):
        sys.exit("master and workers differ")
    pod = templates[0]["spec"]
    container = pod["containers"][0]
    limits = container["resources"]["limits"]
    if limits != container["resources"]["requests"]:
        sys.exit("extended resources are requested and limited alike")
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    if mounted != {volume["name"] for volume in pod["volumes"]}:
        sys.exit("volumes and mounts differ")
    count, gpus, efa = sum(role["replicas"] for role in replicas.values()), limits["nvidia.com/gpu"], limits.get(
        "vpc.amazonaws.com/efa", 0)
    if efa and "hugepages-2Mi" not in limits:
        sys.exit("EFA needs huge pages")
    print(f"name {job['metadata']['name']}, {count} pod{'s' if count > 1 else ''} of {gpus} GPU{'s' if gpus > 1 else ''}"
          f"{f', {efa} EFA' if efa else ''} on {pod['nodeSelector']['node.kubernetes.io/instance-type']}")
    print(shlex.join(container["command"] + container["args"]))
    paths = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    for volume in pod["volumes"]:
        if "persistentVolumeClaim" in volume:
            print(f"volume {volume['persistentVolumeClaim']['claimName']} at {paths[volume['name']]}")


main()
