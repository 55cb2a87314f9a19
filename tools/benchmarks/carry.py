"""Folders of executables that are made on one machine and used on another, as they are or as archives."""
import contextlib
import pathlib
import platform
import shutil
import subprocess
import tarfile
import tempfile

from common import Missing

ARCHIVE = ".tar.xz"


def portable(target, options):
    """`options` of weft, with a processor unless they name one: what is carried to a machine with GPUs may meet others.
    What is measured on processors is compiled for those at hand."""
    chosen = any(option.split("=")[0] == "--cpu" for option in options)
    needed = target == "cuda" and platform.machine() == "x86_64" and not chosen
    return [*options, "--cpu=x86-64-v3"] if needed else list(options)


@contextlib.contextmanager
def writable(place):
    """A folder that becomes `place`: that folder, or the contents of an archive of that name."""
    if not str(place).endswith(ARCHIVE):
        place.mkdir(parents=True, exist_ok=True)
        yield place
        return
    with tempfile.TemporaryDirectory(prefix="weft-build-") as name:
        yield pathlib.Path(name)
        with tarfile.open(place, "w:xz", preset=7) as archive:
            archive.add(name, arcname=".")


@contextlib.contextmanager
def readable(place):
    """The folder `place`, or what an archive of that name holds."""
    if not place.exists():
        raise Missing(f"there is no '{place}'; --build on a machine with the compiler makes it")
    if place.is_dir():
        yield place
        return
    with tempfile.TemporaryDirectory(prefix="weft-build-") as name:
        with tarfile.open(place) as archive:
            archive.extractall(name, filter="data") if hasattr(tarfile, "data_filter") else archive.extractall(name)
        yield pathlib.Path(name)


def strip(executable):
    """Leaves out what only a debugger reads: nine tenths of an executable that is to be carried."""
    if tool := shutil.which("strip"):
        subprocess.run([tool, "--strip-debug", str(executable)], check=False)
