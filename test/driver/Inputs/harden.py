"""Gives weft and an executable damaged files, wrong options and wrong sizes: harden.py FOLDER

Every case must end with exit code 1 or 2 and say why, as an error, in at most a dozen lines; no signal, no internal
fault, no endless run. Damage at random may by luck do no harm: there exit code 0 is good too. Prints the cases that
went wrong and the number of those that did not.
"""

import os
import random
import struct
import subprocess
import sys

FOLDER = sys.argv[1]
LINES, SECONDS = 12, 120
cases, wrong = 0, []


def path(name):
    return os.path.join(FOLDER, name)


def write(name, data):
    with open(path(name), "wb") as out:
        out.write(data)
    return path(name)


def read(name):
    with open(name, "rb") as file:
        return file.read()


def run(command, codes=(1, 2), **more):
    """Runs one case; `codes` are the good ends."""
    global cases
    cases += 1
    command = [str(word) for word in command]
    try:
        # Not with a limit on the address space: a sanitizer reserves terabytes of it.
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS, **more)
    except subprocess.TimeoutExpired:
        wrong.append((command, "does not end", ""))
        return
    said = done.stderr.decode(errors="replace") + done.stdout.decode(errors="replace")
    fault = None
    if done.returncode not in codes:
        fault = f"exit code {done.returncode}"
    elif done.returncode and len(said.splitlines()) > LINES:
        fault = f"{len(said.splitlines())} lines"
    elif done.returncode and "error: " not in said:
        fault = "no error is said"
    if fault:
        wrong.append((command, fault, "\n".join(said.splitlines()[:LINES])))


def damaged(data, count, seed):
    """Copies of `data` with a few bytes changed, cut out or put in."""
    rng = random.Random(seed)
    for _ in range(count):
        copy = bytearray(data)
        for _ in range(1 + rng.randrange(3)):
            at = rng.randrange(len(copy))
            kind = rng.randrange(3)
            if kind == 0:
                copy[at] = rng.randrange(256)
            elif kind == 1:
                del copy[at : at + 1 + rng.randrange(4)]
            else:
                copy.insert(at, rng.randrange(256))
        yield bytes(copy)


def message(*fields):
    """A protobuf message of (number, value): an integer, text, or another message."""
    def varint(n):
        return bytes([n]) if n < 128 else bytes([n % 128 + 128]) + varint(n // 128)

    out = b""
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number * 8) + varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            out += varint(number * 8 + 2) + varint(len(value)) + value
    return out


def sum_of_inputs(count):
    """A model that adds up `count` inputs of [2, 3] floats."""
    shape = message((1, message((1, 2))), (1, message((1, 3))))
    def value(name):
        return message((1, name), (2, message((1, message((1, 1), (2, shape))))))

    names = [f"x{i}" for i in range(count)]
    node = message(*[(1, name) for name in names], (2, "sum"), (4, "Sum"))
    graph = message((1, node), *[(11, value(name)) for name in names], (12, value("sum")))
    return message((1, 9), (7, graph), (8, message((2, 18))))


def main():
    os.makedirs(FOLDER, exist_ok=True)
    model, exe, tokens, weights = path("model.onnx"), path("exe"), path("tokens"), path("weights.safetensors")
    dims = ["--dim", "batch=2", "--dim", "sequence=4"]
    subprocess.run(["weft", "model", "gpt2", "--layers", "1", "--dim", "8", "--heads", "2", "--vocab", "256", "-o", model], check=True, stdout=subprocess.PIPE)
    subprocess.run(["weft", "compile", model, "--init", "random", *dims, "-o", exe], check=True, stderr=subprocess.PIPE)
    subprocess.run(["weft", "data", "pack", model, "-o", tokens], check=True, stdout=subprocess.PIPE)
    subprocess.run([exe, "--data", tokens, "--steps", "1", "--quiet", "--save", weights], check=True, stdout=subprocess.PIPE)
    to_import = [*dims, "--emit=schedule"]

    # Models that are cut off or damaged.
    whole = read(model)
    for length in range(0, len(whole), len(whole) // 24):
        run(["weft", "compile", write("cut.onnx", whole[:length]), *to_import])
    for i, bytes in enumerate(damaged(whole, 40, seed=1)):
        run(["weft", "compile", write(f"damaged{i}.onnx", bytes), *to_import], codes=(0, 1, 2))

    # A summary of a model of many inputs, before the error that it has no parameter.
    run(["weft", "compile", write("inputs.onnx", sum_of_inputs(200)), "--loss", "mse", "-o", path("inputs.exe")])

    # Names that would be lines.
    run(["weft", "compile", write("names.onnx", whole.replace(b"LayerNormalization", b"Layer" + 13 * b"\n")), *to_import])

    # Models that are something else.
    for other in ("/dev/null", "/dev/zero", FOLDER, exe, tokens, weights, path("absent"), path("absent/model.onnx"), ""):
        run(["weft", "compile", other, *to_import])
    run(["weft", "compile", write("model.pt2", b"PK\x03\x04" + whole), *to_import])
    run(["weft", "compile", write("text.onnx", b"no model at all\n" * 100), *to_import])

    # Sizes.
    for size in ("0", "-1", "1e3", "99999999999999999999", "9223372036854775807", "1099511627777", "2000", "x", ""):
        run(["weft", "compile", model, "--dim", "batch=2", "--dim", "sequence=" + size, "--emit=schedule"])
    run(["weft", "compile", model, "--dim", "batch=1099511627776", "--dim", "sequence=1024", "--emit=schedule"])
    run(["weft", "compile", model, "--dim", "batch=2", "--emit=schedule"])
    run(["weft", "compile", model, *dims, "--dim", "heads=2", "--emit=schedule"])
    run(["weft", "compile", model, *dims, "--microbatches", "3", "--emit=schedule"])
    run(["weft", "compile", model, *dims, "--microbatches", "99999999999999999999", "--emit=schedule"])

    # Options.
    for option in (
        ["--loss", "output:absent"], ["--loss", "output:"], ["--optimizer", ""], ["--cpu", ""], ["--cpu", "z80"],
        ["--target", "tpu"], ["--init", "random:-1"], ["--init", "random:99999999999999999999"], ["--freeze", "["], ["--freeze", "absent*"],
        ["--freeze", "*"], ["--train", "absent"], ["--no-decay", "["], ["--input", "absent=tokens"],
        ["--input", "input_ids"], ["--input", "=tokens"], ["--emit", "nothing"], ["--unknown"], ["--weights", path("absent")], ["another.onnx"],
    ):  # fmt: skip
        run(["weft", "compile", model, *to_import, *option])

    # Places that cannot be written or read.
    for place in ("/dev/full", FOLDER, path("absent/exe"), "/proc/nothing", "/proc/self/exe/x", "x" * 5000):
        run(["weft", "compile", model, *dims, "--init", "random", "-o", place])
    run(["weft", "compile", model, *dims, "-o", path("no-values.exe")])
    if os.path.exists("/dev/full"):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(["weft", "compile", model, *to_import], stdout=full, stderr=subprocess.PIPE)
            if done.returncode != 1:
                wrong.append((["> /dev/full"], f"exit code {done.returncode}", done.stderr.decode()))

    # Weights.
    values = read(weights)
    for length in range(0, len(values), len(values) // 8):
        run(["weft", "compile", model, *to_import, "--weights", write("cut.safetensors", values[:length])])
    header = struct.unpack("<Q", values[:8])[0]
    for i, bytes in enumerate(damaged(values[: 8 + header], 16, seed=2)):
        bytes += values[8 + header :]
        run(["weft", "compile", model, *to_import, "--weights", write(f"damaged{i}.safetensors", bytes)], codes=(0, 1))
    for length in (1 << 62, 1 << 63, (1 << 64) - 1, 0, 7):
        bytes = struct.pack("<Q", length) + values[8:]
        run(["weft", "compile", model, *to_import, "--weights", write("header.safetensors", bytes)])
        run([exe, "--data", tokens, "--steps", 1, "--weights", path("header.safetensors")])
    for other in (tokens, model, "/dev/null", "/dev/zero", FOLDER):
        run(["weft", "compile", model, *to_import, "--weights", other])
        run([exe, "--data", tokens, "--steps", 1, "--weights", other])
        run(["weft", "verify", model, *dims, "--init", "random", "--reference", other])

    # The executable: its data, its options, where it writes.
    ids = read(tokens)
    for length in (0, 1, 8, 31, 32, 33, 34, len(ids) - 1):
        run([exe, "--steps", 1, "--data", write("cut.tokens", ids[:length])])
    for i, bytes in enumerate(damaged(ids[:40], 24, seed=3)):
        run([exe, "--steps", 1, "--quiet", "--data", write(f"damaged{i}.tokens", bytes + ids[40:])], codes=(0, 1, 2))
    for other in (model, exe, FOLDER, "/dev/null", "/dev/zero", path("absent"), weights):
        run([exe, "--steps", 1, "--data", other])
        run([exe, "--steps", 1, "--replay", other])
        run(["weft", "data", "info", other])
    for option in (
        ["--steps", "-1"], ["--steps", "1e99"], ["--steps", "x"], ["--lr", "nan"], ["--lr", "-1"], ["--lr", "x"], ["--schedule", "steep"],
        ["--threads", "-1"], ["--threads", "1000000"], ["--warmup", "-5"], ["--clip", "-1"], ["--beta1", "2"], ["--seed", "-1"],
        ["--momentum", "0.5"], ["--eval-every", "0"], ["--unknown"], ["--data"], ["--save", path("absent/w")], ["--save", FOLDER],
        ["--log", path("absent/log")], ["--log", FOLDER], ["--save", "/dev/full"], ["--log", "/dev/full"], ["--eval", path("absent")],
    ):  # fmt: skip
        run([exe, "--data", tokens, "--steps", 1, *option])
    run([exe])

    # The other commands.
    for other in (model, tokens, "/dev/null", "/dev/zero", FOLDER, path("absent"), "/bin/sh"):
        run(["weft", "inspect", other])
    program = read(exe)
    for length in (0, 3, 64, 1000, len(program) // 2):
        run(["weft", "inspect", write("cut.exe", program[:length])])
    # The description inside an executable, damaged where it lies.
    at = program.find(b'"arena_bytes"')
    for i, bytes in enumerate(damaged(program[at - 200 : at + 2000], 12, seed=4)):
        bytes = bytes[:2200].ljust(2200)
        file = write("described.exe", program[: at - 200] + bytes + program[at + 2000 :])
        os.chmod(file, 0o755)
        run(["weft", "inspect", file], codes=(0, 1, 2))
    for sizes in (["--layers", "0"], ["--dim", "0"], ["--dim", "-8"], ["--heads", "5"], ["--dim", "9223372036854775800"], ["--layers", "1000000000000"],
                  ["--vocab", "4611686018427387904", "--dim", "4611686018427387904"], ["--preset", "absent"], ["--norm-eps", "nan"]):  # fmt: skip
        run(["weft", "model", "gpt2", *sizes, "-o", path("sizes.onnx")])
    run(["weft", "model", "gpt2", "--layers", "1", "-o", "/dev/full"])
    run(["weft", "data", "pack", path("absent"), "-o", path("t")])
    run(["weft", "data", "pack", "--ids", "text", model, "-o", path("t")])
    run(["weft", "data", "pack", model, "-o", path("absent/t")])

    for command, fault, said in wrong:
        print(f"{fault}: {' '.join(command)[:300]}\n{said}\n")
    print(f"good: {cases - len(wrong)}\nwrong: {len(wrong)}")


main()
