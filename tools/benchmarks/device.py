"""The GPUs of this machine as the driver sees them, through its management library: no Python package is needed."""
import ctypes


class _Memory(ctypes.Structure):
    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


class Gpus:
    """How many there are, what they are, and how much memory of each is in use by anybody. Without a driver: none."""

    def __init__(self):
        self.handles, self.library = [], None
        try:
            self.library = ctypes.CDLL("libnvidia-ml.so.1")
        except OSError:
            return
        count = ctypes.c_uint()
        if self.library.nvmlInit_v2() != 0 or self.library.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
            return
        for index in range(count.value):
            handle = ctypes.c_void_p()
            if self.library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) == 0:
                self.handles.append(handle)

    def __len__(self):
        return len(self.handles)

    def name(self):
        """Of the first one."""
        text = ctypes.create_string_buffer(96)
        if not self.handles or self.library.nvmlDeviceGetName(self.handles[0], text, len(text)) != 0:
            return "no GPU"
        return text.value.decode()

    def used(self):
        """Bytes in use on each."""
        result = []
        for handle in self.handles:
            memory = _Memory()
            good = self.library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) == 0
            result.append(memory.used if good else 0)
        return result


class PeakMemory:
    """The most that programs took of any GPU since this object was made, by looking again and again."""

    def __init__(self, gpus):
        self.gpus, self.before, self.peak = gpus, gpus.used(), 0

    def look(self):
        taken = [now - then for now, then in zip(self.gpus.used(), self.before)]
        self.peak = max([self.peak] + taken)
