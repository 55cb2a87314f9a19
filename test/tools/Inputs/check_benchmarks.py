"""Checks of the benchmarks' own logic: limits, theory of volumes, and that the peers' sizes are those of `weft model`."""
import pathlib
import re
import subprocess
import sys
import tempfile
import types

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])

import carry  # noqa: E402
import limits  # noqa: E402
import turns  # noqa: E402
import volumes  # noqa: E402
import workloads  # noqa: E402

CUDA, MIB = types.SimpleNamespace(target="cuda"), 1 << 20


def figures(ms, **more):
    return turns.Figures(name="x", ms=[ms], **more)


def judge(work, fast, exact=None, best=None, manifest=None):
    """The verdicts by the words behind the workload's name."""
    of = {"weft.fast": fast}
    if exact:
        of["weft.deterministic"] = exact
    verdicts = limits.judge(work, of, best, manifest, CUDA)
    return {re.match(r"[^:]*: (\w+)", v.text).group(1): v for v in verdicts}


def check_limits():
    work = workloads.one_gpu()[0]
    assert (work.limit, work.stretch) == (0.892, 0.842), work
    good = judge(work, figures(89.0, first_step_s=3.0), figures(93.0), figures(100.0))
    assert good["time"].good and "at most 0.892: met; stretch 0.842: not met" in good["time"].text, good
    assert good["deterministic"].good and good["start"].good and "memory" not in good
    bad = judge(work, figures(89.3, first_step_s=3.2), figures(94.0), figures(100.0))
    assert bad["time"].missed and bad["deterministic"].missed and bad["start"].missed, bad
    assert "MISSED" in bad["time"].text
    # First values are aside.
    slow = judge(work, figures(89.0, first_step_s=4.0, values_s=1.0, device_s=2.5))["start"]
    assert slow.good and "2.5 s for the device" in slow.text and "1.0 s of first values" in slow.text, slow
    assert judge(work, figures(89.0, first_step_s=4.2, values_s=1.0))["start"].missed
    # Without a peer the time is open, without Weft everything.
    assert judge(work, figures(1.0))["no"].open
    assert judge(work, turns.Figures(error="x"))["Weft"].open
    # A median counts, not a mean or the best.
    many = turns.Figures(name="x", ms=[1.0, 90.0, 500.0])
    assert judge(work, many, best=figures(100.0))["time"].missed


def check_memory():
    # One GPU: of the best peer's own, where that is known.
    for share, good in ((85, True), (86, False)):
        verdict = judge(workloads.one_gpu()[1], figures(1.0, peak_bytes=share * MIB), best=figures(100.0, peak_bytes=100 * MIB))["own"]
        assert verdict.good is good, verdict
    assert judge(workloads.one_gpu()[1], figures(1.0, peak_bytes=MIB), best=figures(100.0))["x"].open
    work = workloads.several_gpus(2)[-1]
    peer = figures(100.0, peak_bytes=100 * MIB)
    assert judge(work, figures(1.0, peak_bytes=81 * MIB), best=peer)["own"].good
    assert judge(work, figures(1.0, peak_bytes=82 * MIB), best=peer)["own"].missed
    for predicted, good in ((999, False), (1000, True), (1256, True), (1257, False)):
        verdict = judge(work, figures(1.0, process_bytes=1000 * MIB), best=peer,
                        manifest={"memory": {"process": predicted * MIB}})["memory"]
        assert verdict.good is good, (predicted, verdict.text)
    # Two parts in a hundred of what is large.
    for predicted, good in ((51000, True), (51001, False)):
        verdict = judge(work, figures(1.0, process_bytes=50000 * MIB), best=peer,
                        manifest={"memory": {"process": predicted * MIB}})["memory"]
        assert verdict.good is good, (predicted, verdict.text)


def check_volumes():
    """Four ranks in two groups of two, a gradient of 1000 numbers reduced in parts, then over the replicas."""
    axes = [{"name": "replica", "size": 2}, {"name": "shard", "size": 4}]
    member = {"outer": 1, "split": 4, "middle": 1, "inner": 250}
    manifest = {
        "mesh": {"axes": axes}, "microbatches": 3,
        "params": [{"shape": [1000], "dtype": "f32", "trainable": True}, {"shape": [9], "dtype": "f32", "trainable": False}],
        "collectives": [
            {"kind": "reduce_scatter", "axes": ["shard"], "dtype": "f32", "members": [member]},
            {"kind": "all_reduce", "axes": ["replica"], "dtype": "bf16", "members": [dict(member, split=1)] * 2},
            {"kind": "all_gather", "axes": ["replica", "shard"], "dtype": "f32", "members": [dict(member, inner=125)]},
            {"kind": "all_to_all", "axes": ["shard"], "dtype": "f32", "members": [dict(member, middle=2)]}],
        "schedule": [{"task": "first", "op": "collective", "call": 0}, {"task": "next", "op": "collective", "call": 0},
                     {"task": "update", "op": "collective", "call": 1}, {"task": "update", "op": "matmul", "call": 7},
                     {"task": "update", "op": "collective", "call": 2}, {"task": "eval", "op": "collective", "call": 2},
                     {"task": "first", "op": "collective", "call": 3}]}
    found = volumes.volumes(manifest)
    # Three micro-batches, three blocks of 250 numbers.
    assert found["reduce_scatter", "shard", "f32"] == [3, 3 * 3 * 1000], found
    # Two members, 2 * (n-1)/n of 250 numbers of two bytes.
    assert found["all_reduce", "replica", "bf16"] == [1, 2 * 2 * 250 * 2 / 2], found
    # Eight ranks: seven blocks of 125 numbers; the task eval does not count.
    assert found["all_gather", "replica+shard", "f32"] == [1, 7 * 500], found
    assert found["all_to_all", "shard", "f32"] == [1, 3 * 2000], found
    rows = [{"kind": "reduce_scatter", "axes": ["shard"], "theory_bytes": 9000},
            {"kind": "all_reduce", "axes": ["replica"], "theory_bytes": 500},
            {"kind": "all_reduce", "axes": ["replica"], "theory_bytes": 500},
            {"kind": "all_gather", "axes": ["replica", "shard"], "theory_bytes": 3500},
            {"kind": "all_to_all", "axes": ["shard"], "theory_bytes": 6000}]
    manifest["plan"] = {"collectives": rows}
    assert volumes.differing(manifest) == [], volumes.differing(manifest)
    mib = lambda value: f"{value / 2**20:.3f}"
    assert volumes.rows(manifest)[-1] == ["together", "", "", str(3 + 1 + 1 + 1), mib(19500), mib(19500)], volumes.rows(manifest)
    # Too much, too little, nothing sent of what theory has, and what it does not have.
    for change in ({"theory_bytes": 8999}, {"theory_bytes": 9001}, {"kind": "broadcast"}):
        manifest["plan"]["collectives"] = [dict(rows[0], **change), *rows[1:]]
        assert ("reduce_scatter", "shard") in volumes.differing(manifest), change
    manifest["plan"]["collectives"] = [{"kind": "reduce_scatter", "axes": ["shard"]}, *rows[1:]]
    assert volumes.differing(manifest) == [("reduce_scatter", "shard")]
    assert volumes.rows(manifest)[-1][-1] == "-"


def check_words():
    torchrun = ("[rank1]: Traceback (most recent call last):\n[rank1]: ValueError: no\n"
                "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n====\n")
    assert turns.last_words(torchrun) == "[rank1]: ValueError: no"
    assert turns.last_words("error: first\nnote: second\n") == "error: first"
    assert turns.last_words("torch.OutOfMemoryError: CUDA\n  tip\n") == "torch.OutOfMemoryError: CUDA"
    assert turns.last_words("a\nb\n") == "b" and turns.last_words("") == "it printed nothing"


def check_sizes():
    """Every model has the parameters that `weft model` gives it, those of the tables among them."""
    published = {"gpt2-124m": 124439808, "gpt2-1558m": 1557611200, "llama2-7b": 6738415616, "llama2-13b": 13015864320}
    with tempfile.TemporaryDirectory() as folder:
        for name, sizes in workloads.MODELS.items():
            command = ["weft", "model", *sizes.weft_options(64), "-o", f"{folder}/m.onnx"]
            text = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
            count = int(re.search(r"([\d,]+) parameters", text.stdout + text.stderr).group(1).replace(",", ""))
            assert count == sizes.parameters == published.get(name, count), (name, count, sizes.parameters)
    assert 1.10e9 < workloads.MODELS["llama-1.1b"].parameters < 1.11e9
    # MFU as in the table that the limits come from: 44.0 % at 121.1 ms, 53.8 % at 228.7 ms.
    for name, tokens, seconds, mfu in (("gpt2-124m", 64 * 1024, 0.1211, 0.440), ("llama-1.1b", 4 * 4096, 0.2287, 0.538)):
        flops = workloads.MODELS[name].flops_per_token(1024 if "gpt2" in name else 4096)
        assert abs(flops * tokens / seconds / workloads.PEAK_FLOPS - mfu) < 1e-3, name


def check_archive():
    """What is packed is what is unpacked, and an archive is not half written under its name."""
    with tempfile.TemporaryDirectory() as name:
        place = pathlib.Path(name) / "a.tar.xz"
        with carry.writable(place) as folder:
            (folder / "sub").mkdir()
            (folder / "sub/x").write_text("y")
            (folder / "x").symlink_to("sub/x")
        with carry.readable(place) as folder:
            assert (folder / "x").read_text() == "y"


for check in (check_limits, check_memory, check_volumes, check_words, check_sizes, check_archive):
    check()
print("all checks passed")
