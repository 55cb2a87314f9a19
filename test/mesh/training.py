"""Trains a small model on a mesh and on one rank, and says whether they are the same."""
import array, contextlib, fcntl, filecmp, hashlib, json, math, os, random, re, signal, struct, subprocess

BATCH, SEQUENCE, STEPS = 8, 16, 20
# Models that are made, with random values: `weft model` and what it is given.
MADE = {
    "odd_gpt2": "gpt2 --layers 2 --dim 42 --heads 6 --vocab 257",
    "odd_llama": "llama --layers 2 --dim 36 --heads 6 --kv-heads 3 --ffn 101 --vocab 131",
    "dropout": "gpt2 --layers 2 --dim 36 --heads 4 --vocab 101 --dropout 0.2",
    "wide": "llama --layers 2 --dim 256 --heads 8 --kv-heads 4 --ffn 704 --vocab 2000",
}
# Of each model: its file, and the shapes and limits of its inputs x and y; 0 is floats.
MODELS = {
    "gpt2": ("gpt2.opset18.onnx", [BATCH, SEQUENCE], 256, [BATCH, SEQUENCE], 256),
    "llama": ("llama.opset18.onnx", [BATCH, SEQUENCE], 256, [BATCH, SEQUENCE], 256),
    "gpt_neox": ("gpt_neox.opset18.onnx", [BATCH, SEQUENCE], 256, [BATCH, SEQUENCE], 256),
    "bert": ("bert.opset18.onnx", [BATCH, SEQUENCE], 256, [BATCH], 8),
    "vit": ("vit.opset18.onnx", [BATCH, 3, 32, 32], 0, [BATCH], 8),
    "moe": ("moe.opset18.onnx", [16, 32], 256, [16, 32], 256),
    "cnn_train": ("cnn.opset13.train.onnx", [BATCH, 3, 32, 32], 0, [BATCH], 8),
    "torch_transformer": ("torch_transformer.opset17.onnx", [BATCH, SEQUENCE], 64, [BATCH, SEQUENCE], 64),
    "gemma2": ("tiny_gemma2.opset14.onnx", [BATCH, SEQUENCE], 64, [BATCH, SEQUENCE], 64),
    "phi3": ("tiny_phi3.opset17.onnx", [BATCH, SEQUENCE], 64, [BATCH, SEQUENCE], 64),
    "olmo2": ("tiny_olmo2.opset17.onnx", [BATCH, SEQUENCE], 64, [BATCH, SEQUENCE], 64),
    "modernbert": ("tiny_modernbert.opset17.onnx", [BATCH, SEQUENCE], 64, [BATCH], 8),
    "gpt2_loss": ("gpt2_loss.opset18.onnx", [BATCH, SEQUENCE], 256, [BATCH, SEQUENCE], 256),
    "odd_gpt2": ("", [24, 15], 257, [24, 15], 257),
    "odd_llama": ("", [24, 15], 131, [24, 15], 131),
    "dropout": ("", [24, 15], 101, [24, 15], 101),
    "wide": ("", [BATCH, SEQUENCE], 2000, [BATCH, SEQUENCE], 2000),
}
PACKED = {"torch_transformer"}  # the keys' bias is a part of a parameter, which is measured by the other parts
FIXED = {"moe"}  # its batch is a constant of the file: one micro-batch


class Fault(Exception):
    """What is wrong with a case."""


class Place:
    """Where cases run: the compiler, models' files, a folder of the session's own, and how long a command may take."""

    def __init__(self, weft, paths, folder, timeout, environment):
        self.weft, self.paths, self.folder, self.timeout = weft, paths, folder, timeout
        self.environment = {**os.environ, **environment}

    def run(self, command):
        """Exit code and output; a command that hangs is a Fault, and so is one that is ended by a signal."""
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=self.environment,
                                   start_new_session=True)
        try:
            output, _ = process.communicate(timeout=self.timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            raise Fault(f"no end within {self.timeout} s: {' '.join(command)}\n{output[-2000:]}") from None
        if process.returncode < 0:
            raise Fault(f"signal {-process.returncode}: {' '.join(command)}\n{output[-2000:]}")
        return process.returncode, output

    def output(self, command):
        return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, env=self.environment, timeout=self.timeout).stdout

    def expect(self, command):
        code, output = self.run(command)
        if code != 0:
            raise Fault(f"exit code {code} of {' '.join(command)}\n" + "\n".join(output.splitlines()[-12:]))


def write_tensors(path, tensors):
    header, data = {}, b""
    for name, (dtype, shape, payload) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(payload)]}
        data += payload
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def read_tensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    result = {}
    for name, entry in header.items():
        if name != "__metadata__":
            values = array.array({"F32": "f", "F64": "d"}[entry["dtype"]])
            values.frombytes(data[slice(*entry["data_offsets"])])
            result[name] = values
    return result


def write_inputs(path, model):
    _, x_shape, x_limit, y_shape, y_limit = MODELS[model]
    choose = random.Random(model)
    tensors = {}
    for name, shape, limit in (("x", x_shape, x_limit), ("y", y_shape, y_limit)):
        count = math.prod(shape)
        values = array.array("q", [choose.randrange(limit) for _ in range(count)]) if limit else \
            array.array("f", [choose.gauss(0, 1) for _ in range(count)])
        tensors[name] = ("I64" if limit else "F32", shape, values.tobytes())
    write_tensors(path, tensors)


def compile_command(place, model, options, exe):
    command = [place.weft, "compile", place.paths[model], "-o", exe, "--target", "host", "--keep-gradients"] + options.split()
    if model in MADE:
        command += ["--init", "random:3"]
    for name, size in (("batch", MODELS[model][1][0]), ("sequence", MODELS[model][1][1])):
        if model not in FIXED and not (name == "sequence" and len(MODELS[model][1]) > 2):
            command += ["--dim", f"{name}={size}"]
    return command


def ranks(options):
    words = options.split()
    mesh = dict(d.split("=") for d in words[words.index("--mesh") + 1].split(",")) if "--mesh" in words else {}
    return int(mesh.get("dp", 1)) * int(mesh.get("tp", 1))


def train(place, model, options, training, folder):
    """Writes the record of one training run, and gives its path."""
    exe, record, inputs = (os.path.join(folder, name) for name in ("exe", "record.safetensors", "inputs.safetensors"))
    write_inputs(inputs, model)
    place.expect(compile_command(place, model, options, exe))
    # Adam hardly sees by how much a step was clipped, SGD does.
    # Adam makes steps of full size out of a key bias' gradient, which is rounding, if that is above eps. Where values are random such a bias
    # has no other size than that of these steps; where nothing is clipped, its rounding is large. There, too, steps of 1e-3 make some models
    # unstable within 20 of them (the norm of GPT-NeoX goes from 1.2 to 7.3), and then rounding grows like everything else.
    clips = "--clip 0.5" in training
    if "sgd" in options:
        rates = ["--lr", "1e-1" if clips else "3e-2"]
    else:
        rates = ["--lr", "1e-3" if clips else "3e-4", "--beta1", "0.9", "--beta2", "0.95",
                 "--eps", "1e-8" if model not in MADE and model not in PACKED and clips else "1e-5"]
    count = ranks(options)
    place.expect([exe, "--replay", inputs, "--record", record, "--quiet", "--steps", str(STEPS), "--schedule", "constant",
                  "--weight-decay", "0.1"] + training.split() + rates + (["--nproc", str(count)] if count > 1 else []))
    os.remove(exe)
    return record


def reference(place, model, options, training):
    """The path of a record, made once for all cases that need it, whichever process is the first."""
    name = hashlib.sha256(f"{model} {options} {training}".encode()).hexdigest()[:16]
    folder = os.path.join(place.folder, "reference-" + name)
    os.makedirs(folder, exist_ok=True)
    done, fault = os.path.join(folder, "done"), os.path.join(folder, "fault")
    with open(os.path.join(folder, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(fault):
            with open(fault) as file:
                raise Fault(file.read())
        if not os.path.exists(done):
            try:
                os.rename(train(place, model, options, training, folder), done)
            except Fault as error:
                with open(fault, "w") as file:
                    file.write(f"reference: {error}")
                raise Fault(f"reference: {error}") from None
    return done


def norm(values):
    return math.sqrt(math.fsum(v * v for v in values))


def compare(one, many):
    """The largest differences; a Fault if one is too large."""
    if set(one) != set(many):
        raise Fault(f"the records have other tensors: {sorted(set(one) ^ set(many))[:4]}")
    apart = {}
    total = {kind: math.sqrt(sum(norm(values)**2 for name, values in one.items() if name.startswith(kind)))
             for kind in ("grad/", "param/")}
    for name, values in one.items():
        kind = name.split("/")[0]
        if kind in ("grad", "param"):
            difference = norm([a - b for a, b in zip(values, many[name])])
            # A gradient that is zero but for rounding (a key bias) is measured against all of them; Adam makes steps of
            # full size out of its rounding, so the parameter is no measure of anything.
            if kind == "param" and norm(one.get(name.replace("param/", "grad/", 1), [1])) < 1e-5 * total["grad/"]:
                continue
            error, limit = difference / max(norm(values), 1e-3 * total[kind + "/"]), 1e-4
        elif kind == "grad_norm":
            # The first is of equal parameters.
            first, error = (max(abs(a - b) / abs(a) for a, b in list(zip(values, many[name]))[:n]) for n in (1, STEPS))
            error, limit = (first, 1e-5) if first > 1e-5 else (error, 1e-4)
        elif kind in ("curve", "loss"):
            error, limit = max(abs(a - b) / abs(a) for a, b in zip(values, many[name])), 1e-5
        else:
            continue
        if not error <= limit:
            raise Fault(f"{name} is {error:.2e} apart, more than {limit:.0e}")
        apart[kind] = max(apart.get(kind, 0), error)
    return " ".join(f"{kind} {error:.1e}" for kind, error in sorted(apart.items()))


def refuse(place, case, folder):
    """A combination that has no meaning is one error, which says what to do."""
    exe = os.path.join(folder, "exe")
    code, output = place.run(compile_command(place, case.model, case.options, exe))
    errors = [line for line in output.splitlines() if line.startswith("weft: error:")]
    if code != 1 or os.path.exists(exe):
        raise Fault(f"is to be refused, and its exit code is {code}\n{output[-1000:]}")
    if len(errors) != 1 or not re.search(case.refused, output):
        raise Fault(f"is not refused with '{case.refused}' and one error, but with\n{output[-1000:]}")
    return "refused, with a hint"


def budget_of(place, case, folder):
    """A budget that `auto` has to do something for, and can meet: so little of the room between all and what lives from step to step.
    Where the most is alive in the update, nothing that is saved makes a difference, and the budget is what there is."""
    exe = os.path.join(folder, "exe")
    without = case.plain() + (f" --offload {case.offload()}" if "optimizer" in case.offload() else "")
    place.expect(compile_command(place, case.model, without, exe))
    manifest = json.loads(place.output([place.weft, "inspect", "--json", exe]))
    most, least = manifest["arena_bytes"], manifest["persistent_bytes"]
    refused = ""
    for share in (0.8, 0.93, 1):
        budget = int(least + share * (most - least))
        code, refused = place.run(compile_command(place, case.model, f"{case.options} --memory {budget}", exe))
        if code == 0:
            return budget
    raise Fault(f"no budget fits, not {budget} of {most}\n{refused[-1000:]}")


def check_memory(place, case, folder):
    """What only changes where values are changes no bit of any of them."""
    options = case.options
    if "--remat auto" in options:
        options += f" --memory {budget_of(place, case, folder)}"
    plain = reference(place, case.model, case.plain(), case.training.replace("--stream-order 5", "").strip())
    record = train(place, case.model, options, case.training, folder)
    if not filecmp.cmp(plain, record, shallow=False):
        raise Fault("other bits: " + compare(read_tensors(plain), read_tensors(record)))
    return "the same bits" + options[len(case.options):]


def check(place, case, folder):
    """What is to be said of a case that holds."""
    if case.refused:
        return refuse(place, case, folder)
    if case.exact:
        return check_memory(place, case, folder)
    one = read_tensors(reference(place, case.model, case.common(), case.training))
    return compare(one, read_tensors(train(place, case.model, case.options, case.training, folder)))
