"""The lit suite: every .mlir and .test file under test/, with Weft's tools, FileCheck and not on the PATH."""

import os
import shutil
import subprocess

import lit.formats

config.name = "Weft"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["CMakeLists.txt", "README.md", "Inputs", "unit", "models"]
config.test_source_root = os.path.join(config.weft_source_dir, "test")
config.test_exec_root = os.path.join(config.weft_build_dir, "test")

path = [os.path.join(config.weft_build_dir, "bin"), config.llvm_tools_dir, config.environment.get("PATH", "")]
config.environment["PATH"] = os.pathsep.join(path)
# Messages of the system are expected in English. As many tests run at once as there are processors: threads of
# executables that wait for one another must not spin meanwhile.
config.environment["LC_ALL"] = "C"
config.environment["OMP_WAIT_POLICY"] = "passive"

# %models: real exported models, their reference values, and text to train on.
config.substitutions.append(("%models", os.path.join(config.weft_source_dir, "test", "models")))
config.substitutions.append(("%python", config.python))
# ONNX's node tests as folders, made by tools/setup.
config.substitutions.append(("%onnx-cases", os.path.join(config.weft_source_dir, "build", "onnx-conformance", "cases")))


def has_gpu():
    """Whether a CUDA device can be used here, asked of the driver's own tool."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return listed.returncode == 0 and b"GPU" in listed.stdout


def cuda_toolkit():
    """The folder of a CUDA toolkit, looked for as `weft compile` does; None if there is none."""
    folders = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), config.cuda_toolkit, "/usr/local/cuda"]
    for folder in folders:
        if folder and all(os.path.exists(os.path.join(folder, *part)) for part in (["bin", "ptxas"], ["nvvm", "libdevice"])):
            return folder
    return None


# Tests say what they compile for, or mean the host.
config.environment["WEFT_TARGET"] = "host"
toolkit = cuda_toolkit()
if toolkit:
    config.available_features.add("cuda-toolkit")
    config.environment["CUDA_HOME"] = toolkit
    config.substitutions.append(("%ptxas", os.path.join(toolkit, "bin", "ptxas")))
if has_gpu():
    config.available_features.add("cuda")
if shutil.which("mpirun"):
    config.available_features.add("mpirun")
if os.geteuid() == 0:
    # Permissions do not stop the superuser: tests of them need "UNSUPPORTED: root".
    config.available_features.add("root")
if config.compiler == "GNU":
    # Where two arguments of a call both build ops, compilers differ in which they make first: texts in docs/ladder are GCC's.
    config.available_features.add("gcc")
if os.path.exists("/dev/full"):
    config.available_features.add("dev-full")
