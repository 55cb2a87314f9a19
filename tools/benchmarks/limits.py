"""The limits of the GPU benchmarks: docs/benchmarks.md says where they come from."""
import dataclasses

from workloads import DETERMINISTIC_LIMIT, MEMORY_BYTES, MEMORY_SHARE, START_LIMIT


@dataclasses.dataclass
class Verdict:
    """One line of the judgement. `good` is None where there was nothing to judge by."""

    text: str
    good: bool = None

    @property
    def missed(self):
        return self.good is False

    @property
    def open(self):
        return self.good is None

    def __str__(self):
        return self.text


def at_most(what, value, limit, stretch=0.0, unit=""):
    good = value <= limit
    text = f"{what}: {value:.3f}{unit}, at most {limit:g}{unit}: " + ("met" if good else "MISSED")
    if stretch:
        text += f"; stretch {stretch:g}: " + ("met" if value <= stretch else "not met")
    return Verdict(text, good)


def predicted_process(manifest):
    """Bytes that the compiler predicts for the whole process on a GPU, if it does."""
    return (manifest or {}).get("memory", {}).get("process", 0)


def judge(work, figures, best, manifest, args):
    """All limits of one workload. `figures`: by system; `best`: those of the quickest peer, or None."""
    verdicts = []
    fast, exact = figures.get("weft.fast"), figures.get("weft.deterministic")
    weft = next((f for f in (fast, exact) if f and f.ms), None)
    if weft is None:
        return [Verdict(f"{work.name}: Weft has no figures, nothing is judged")]
    if work.limit:
        if best is None:
            verdicts.append(Verdict(f"{work.name}: no peer has figures, the time is not judged"))
        else:
            verdicts.append(at_most(f"{work.name}: time of a step over {best.name}'s", weft.median / best.median,
                                    work.limit, work.stretch))
            if work.memory_limit and not best.peak_bytes:
                verdicts.append(Verdict(f"{work.name}: {best.name} has no figure of memory, Weft's is not judged"))
            elif work.memory_limit:
                verdicts.append(at_most(f"{work.name}: own memory over {best.name}'s", weft.peak_bytes / best.peak_bytes,
                                        work.memory_limit))
    if fast and exact and fast.ms and exact.ms:
        verdicts.append(at_most(f"{work.name}: deterministic over fast", exact.median / fast.median,
                                DETERMINISTIC_LIMIT))
    if args.target == "cuda":
        start = max(0.0, weft.first_step_s - weft.values_s - 1e-3 * weft.median)
        parts = ", ".join(f"{part} {seconds:.1f}" for part, seconds in weft.device_parts.items())
        verdicts.append(at_most(f"{work.name}: start until training ({weft.device_s:.1f} s for the device"
                                f"{': ' + parts if parts else ''}) without {weft.values_s:.1f} s of first values", start, START_LIMIT,
                                unit=" s"))
        verdicts += judge_memory(work, weft, predicted_process(manifest))
    return verdicts


def judge_memory(work, weft, predicted):
    """The whole process: the prediction is never under what was measured, and not far over."""
    if not predicted or not weft.process_bytes:
        return []
    over = predicted - weft.process_bytes
    allowed = max(MEMORY_BYTES, MEMORY_SHARE * weft.process_bytes)
    good = 0 <= over <= allowed
    return [Verdict(f"{work.name}: memory of the process predicted {over / 2**20:+.0f} MiB over the measured "
                    f"{weft.process_bytes / 2**20:.0f} MiB, at least 0 and at most {allowed / 2**20:.0f}: "
                    + ("met" if good else "MISSED"), good)]
