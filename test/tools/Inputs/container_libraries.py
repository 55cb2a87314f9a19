"""Which libraries an executable links that the container's recipe does not bring: container_libraries.py EXE DOCKERFILE"""
import re
import subprocess
import sys

# Of Debian and Ubuntu's base image (libresolv is the C library's, which a sanitizer needs), and of NVIDIA's runtime image.
BASE = r"ld-linux|lib(c|m|rt|dl|pthread|resolv|gcc_s|stdc\+\+)\.so|linux-vdso"
NVIDIA = r"lib(cudart|cublasLt|cudnn|nccl)\.so"

linked = re.findall(r"^\s*(\S+\.so\S*)", subprocess.run(["ldd", sys.argv[1]], capture_output=True, text=True).stdout, re.M)
recipe = open(sys.argv[2]).read()
if not re.search(r"^FROM nvidia/cuda:\S+-cudnn-runtime", recipe, re.M):
    sys.exit("the recipe does not begin with NVIDIA's runtime image")
copied = re.findall(r"cp -L \S*/(lib[^\s/]+?)\.so", recipe)
# Those that another one needs are found by their names in ldd's list.
copied += re.search(r"awk '\$3 ~ /([^/]+)/", recipe).group(1).split("|")
missing = [name for name in linked if not re.search(BASE, name) and not re.search(NVIDIA, name) and not any(
    name.split("/")[-1].startswith((part, "lib" + part)) for part in copied)]
if missing or not linked:
    sys.exit(f"not in the container: {', '.join(missing) or 'nothing is linked'}")
print(f"{len(linked)} libraries, all in the container")
