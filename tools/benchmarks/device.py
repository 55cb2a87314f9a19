"""The GPUs of this machine as the driver sees them; no Python package is needed."""
import ctypes
import subprocess
import time

# The driver's management library where the loader finds it, and where containers mount it.
LIBRARIES = ("libnvidia-ml.so.1", "/usr/local/nvidia/lib64/libnvidia-ml.so.1", "/usr/local/nvidia/lib/libnvidia-ml.so.1")


class _Memory(ctypes.Structure):
    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


def load_library():
    for path in LIBRARIES:
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        if library.nvmlInit_v2() == 0:
            return library
    return None


def ask_tool(field):
    """A field of each GPU by the driver's own tool: slower, for machines where the library is not found."""
    try:
        result = subprocess.run(["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader,nounits"],
                                capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return result.stdout.splitlines() if result.returncode == 0 else []


class Gpus:
    """How many there are, what they are, and how much memory of each is in use by anybody. Without a driver: none."""

    def __init__(self):
        self.library, self.handles, self.names = load_library(), [], []
        if not self.library:
            self.names = ask_tool("name")
            return
        count = ctypes.c_uint()
        self.library.nvmlDeviceGetCount_v2(ctypes.byref(count))
        for index in range(count.value):
            handle, text = ctypes.c_void_p(), ctypes.create_string_buffer(96)
            if self.library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) == 0:
                self.library.nvmlDeviceGetName(handle, text, len(text))
                self.handles.append(handle)
                self.names.append(text.value.decode())

    def __len__(self):
        return len(self.names)

    def name(self):
        """Of the first one."""
        return self.names[0] if self.names else "no GPU"

    def used(self):
        """Bytes in use on each."""
        if not self.library:
            return [int(text) << 20 for text in ask_tool("memory.used")] if self.names else []
        result = []
        for handle in self.handles:
            memory = _Memory()
            good = self.library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) == 0
            result.append(memory.used if good else 0)
        return result


class PeakMemory:
    """The most that programs took of any GPU since this object was made, by looking again and again."""

    def __init__(self, gpus):
        self.gpus, self.before, self.peak, self.looked = gpus, gpus.used(), 0, 0.0

    def look(self):
        """Ten times a second, however often it is called: the driver has better things to do."""
        if time.monotonic() - self.looked < 0.1:
            return
        self.looked = time.monotonic()
        taken = [now - then for now, then in zip(self.gpus.used(), self.before)]
        self.peak = max([self.peak] + taken)
