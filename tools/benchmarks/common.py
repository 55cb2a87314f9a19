"""What benchmarks share: running programs, random tokens, medians, tables."""
import dataclasses
import os
import pathlib
import random
import statistics
import struct
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]

# A limit was missed.
EXIT_MISSED = 4


class Missing(Exception):
    """Something that a benchmark needs is not there; the text says what, and how to get it."""


def find_weft():
    """The compiler of this tree."""
    weft = pathlib.Path(os.environ.get("WEFT", ROOT / "build/bin/weft"))
    if not os.access(weft, os.X_OK):
        raise Missing(f"there is no compiler at {weft}; build it with tools/quickstart, or name one in WEFT")
    return weft


def run(command):
    """Runs a program to its end and returns its standard output. A failure is shown with what it printed."""
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode != 0:
        raise Missing(f"'{' '.join(map(str, command))}' failed with exit code {result.returncode}:\n"
                      + (result.stderr or result.stdout).strip())
    return result.stdout


def milliseconds(value):
    """A time with the digits that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def write_random_tokens(path, count, vocabulary, seed=0):
    """A token file of random ids (docs/runtime.md). Returns the ids."""
    generator = random.Random(seed)
    ids = [generator.randrange(vocabulary) for _ in range(count)]
    header = struct.pack("<8sIIQQ", b"WEFTTOK1", 1, 4, count, vocabulary)
    path.write_bytes(header + struct.pack(f"<{count}I", *ids))
    return ids


def processor():
    """The processor's name and whether it has AVX-512."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    return fields.get("model name", "unknown processor"), " avx512f " in f" {fields.get('flags', '')} "


class OtherWork:
    """The share of all processors that programs other than the measured ones took."""

    def __init__(self):
        self.before = self._read()

    @staticmethod
    def _read():
        fields = [int(x) for x in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return sum(fields), sum(fields) - fields[3] - fields[4]

    def share(self, own_seconds):
        """Since this object was made, when the measured programs used `own_seconds` of processor time."""
        total, busy = (now - then for now, then in zip(self._read(), self.before))
        own = own_seconds * os.sysconf("SC_CLK_TCK")
        return max(0.0, busy - own) / max(total, 1)


@dataclasses.dataclass
class Steps:
    """Measured steps of one system."""

    name: str
    milliseconds: list
    start_seconds: float
    peak_bytes: int

    @property
    def median(self):
        return statistics.median(self.milliseconds)

    @property
    def spread(self):
        return f"{milliseconds(min(self.milliseconds))} to {milliseconds(max(self.milliseconds))}"


def print_table(head, rows):
    """Columns as wide as their widest cell; the first is a name, the others are numbers."""
    lines = [head] + rows
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        cells = [line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
        print("  ".join(cells))


def check_limit(what, value, limit, stretch=None):
    """Prints whether `value` is at most `limit`; returns that."""
    good = value <= limit
    text = f"{what}: {value:.2f} of the peer's, at most {limit}: " + ("met" if good else "MISSED")
    if stretch is not None:
        text += f"; stretch {stretch}: " + ("met" if value <= stretch else "not met")
    print(text)
    return good
