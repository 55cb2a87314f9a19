"""`tools/bench --gpu --curves`: losses of Weft and of PyTorch from the same values on the same tokens in the same order."""
import json
import math

import turns
from common import EXIT_MISSED, Missing, print_table, write_random_tokens

# Batches in the token file. The peer takes them again and again, and so does Weft.
BATCHES = 4
# What docs/verify.md allows for losses.
TOLERANCES = {"cuda": 1e-2, "host": 1e-4}


def compare_losses(mine, theirs):
    """The largest relative difference, with its step, counted from 1. What is not a number is infinitely far off."""
    if len(mine) != len(theirs) or not mine:
        raise turns.Failed(f"{len(mine)} losses of Weft and {len(theirs)} of the peer")
    distances = [abs(a - b) / abs(b) for a, b in zip(mine, theirs)]
    distances = [d if math.isfinite(d) else math.inf for d in distances]
    worst = max(range(len(distances)), key=distances.__getitem__)
    return distances[worst], worst + 1


class Curves:
    """One comparison for each workload and mode of Weft."""

    def __init__(self, args, folder, executables, index, gpus):
        self.args, self.folder, self.executables, self.index, self.gpus = args, folder, executables, index, gpus
        self.facts = {}

    def run(self):
        """Prints every curve beside the peer's; returns the exit code."""
        worst_code = 0
        for work in self.args.works:
            try:
                good = self.compare(work)
            except turns.Failed as fault:
                print(f"{work.name}: {fault}", flush=True)
                good = False
            worst_code = worst_code if good else EXIT_MISSED
            if self.args.json:
                self.args.json.write_text(json.dumps(self.facts, indent=1) + "\n")
        return worst_code

    def compare(self, work):
        weights = self.folder / "weights.safetensors"
        write_random_tokens(self.folder / "tokens", BATCHES * work.tokens + 1, work.sizes.vocab)
        mine = {}
        for mode in self.args.modes:
            made = self.index[f"{work.name}.{mode}"]
            if "error" in made:
                raise turns.Failed(made["error"])
            executable = self.executables / made["executable"]
            if not mine:
                turns.save_values(executable, weights, self.folder, self.gpus, self.args.turn_limit)
            mine[mode] = turns.weft_turn(executable, made["manifest"], self.args, self.folder, self.gpus,
                                         self.args.turn_limit, ["--no-shuffle", "--weights", weights]).losses
        # A compiler in the middle would only take time: what is computed is the same.
        options = ["--tokens", self.folder / "tokens", "--weights", weights]
        options += ["--eager"] if self.args.target == "cuda" else []
        peer = turns.peer_turn("torch", work, self.args, 1, self.gpus, self.args.turn_limit, self.folder, options)
        weights.unlink()
        self.facts[work.name] = {**mine, "peer": peer.losses}
        return self.show(work, mine, peer)

    def show(self, work, mine, peer):
        names = ["Weft --fast" if mode == "fast" else "Weft" for mode in mine]
        print(f"\n{work.name}: losses of the same {BATCHES} batches, in turn, from the same values")
        rows = [[str(step + 1), f"{loss:.5f}", *(f"{losses[step]:.5f}" for losses in mine.values())]
                for step, loss in enumerate(peer.losses) if all(step < len(losses) for losses in mine.values())]
        print_table(["step", peer.name, *names], rows)
        good = True
        for name, losses in zip(names, mine.values()):
            distance, step = compare_losses(losses, peer.losses)
            tolerance = TOLERANCES[self.args.target]
            within = distance <= tolerance
            good = good and within
            print(f"{name}: within {distance:.1e} of {peer.name}'s, at step {step}; tolerance {tolerance:g}: "
                  + ("ok" if within else "MISS"), flush=True)
        return good


def main(args, folder, executables, index, gpus):
    if args.ranks != 1:
        raise Missing("--curves compares one rank; what several compute is compared by the tests")
    return Curves(args, folder, executables, index, gpus).run()
