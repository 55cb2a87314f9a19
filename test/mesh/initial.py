"""Delayed initialisation: initial parameters are the same bytes on any mesh, and no rank holds more than its part of them.

  initial.py --weft WEFT --text FILE
"""
import argparse, filecmp, os, subprocess, sys, tempfile

# 39 M parameters: 148 MiB, of which each of 8 ranks stores 19.
MODEL = "gpt2 --layers 4 --dim 512 --heads 8 --vocab 50304"
WHOLE = 38_890_496 * 4
# What a process takes before it holds anything, which is more with sanitizers, is that of a model of 135 KiB.
SMALL = "gpt2 --layers 4 --dim 16 --heads 8 --vocab 304"
MESHES = ["", "--mesh dp=8 --zero 3 --persistence-threshold 0", "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 0",
          "--mesh tp=4 --placement spread", "--mesh dp=2,tp=2 --zero 2 --prescaled-batch off"]
RANKS = [1, 8, 4, 4, 4]


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}")


def peak(*command):
    """The most memory that any of the processes had, in bytes."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            output.seek(0)
            sys.exit(f"{' '.join(command)}\n{output.read()}")
    return usage.ru_maxrss * 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--weft", default="weft")
    parser.add_argument("--text", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        def at(name):
            return os.path.join(folder, name)

        run(options.weft, "data", "pack", options.text, "-o", at("tokens"))
        memory = []
        for name, sizes in (("small", SMALL), ("model", MODEL)):
            run(options.weft, "model", *sizes.split(), "-o", at(f"{name}.onnx"))
            run(options.weft, "compile", at(f"{name}.onnx"), "--dim", "batch=8", "--dim", "sequence=16", "--init", "random:3", "-o", at("exe"),
                *MESHES[1].split())
            memory.append(peak(at("exe"), "--nproc", "8", "--steps", "0", "--data", at("tokens"), "--quiet"))
        part = (memory[1] - memory[0]) / WHOLE
        if not 0.1 < part < 0.2:  # 0 would say that nothing was measured.
            print(f"a rank holds {part:.3f} of the parameters")
            return 1
        print("a rank holds an eighth of the parameters and little more")
        for mesh, ranks in zip(MESHES, RANKS):
            run(options.weft, "compile", at("model.onnx"), "--dim", "batch=8", "--dim", "sequence=16", "--init", "random:3", "-o",
                at("exe"), *mesh.split())
            run(at("exe"), *(["--nproc", str(ranks)] if ranks > 1 else []), "--steps", "0", "--data", at("tokens"), "--quiet",
                "--save", at(f"{ranks}{mesh.replace(' ', '')}.safetensors"))
        first, *others = [at(f"{ranks}{mesh.replace(' ', '')}.safetensors") for mesh, ranks in zip(MESHES, RANKS)]
        same = sum(filecmp.cmp(first, other, shallow=False) for other in others)
        print(f"{same} of {len(others)} meshes have the initial parameters of one rank")
        return 0 if same == len(others) else 1


if __name__ == "__main__":
    sys.exit(main())
