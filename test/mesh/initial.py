"""Delayed initialisation: initial parameters are the same bytes on any mesh, and no rank holds more than its part of them.

  initial.py --weft WEFT --text FILE
"""
import argparse, filecmp, os, resource, subprocess, sys, tempfile

# 39 M parameters: 148 MiB, of which each of 8 ranks stores 19.
MODEL = "gpt2 --layers 4 --dim 512 --heads 8 --vocab 50304"
WHOLE = 38_890_496 * 4
MESHES = ["", "--mesh dp=8 --zero 3 --persistence-threshold 0", "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 0",
          "--mesh tp=4 --placement spread", "--mesh dp=2,tp=2 --zero 2 --prescaled-batch off"]
RANKS = [1, 8, 4, 4, 4]


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--weft", default="weft")
    parser.add_argument("--text", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        def at(name):
            return os.path.join(folder, name)

        run(options.weft, "data", "pack", options.text, "-o", at("tokens"))
        run(options.weft, "model", *MODEL.split(), "-o", at("model.onnx"))
        # The largest of all processes that were waited for: this has to come before anything that holds a whole tensor.
        run(options.weft, "compile", at("model.onnx"), "--dim", "batch=8", "--dim", "sequence=16", "--init", "random:3", "-o", at("exe"),
            *MESHES[1].split())
        pid = os.fork()
        if pid == 0:
            run(at("exe"), "--nproc", "8", "--steps", "0", "--data", at("tokens"), "--quiet")
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
            print(f"a rank's memory is {'below' if peak < 0.4 * WHOLE else 'NOT below'} 0.4 of the parameters")
            sys.stdout.flush()
            os._exit(0 if peak < 0.4 * WHOLE else 1)
        if os.waitpid(pid, 0)[1] != 0:
            return 1
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
