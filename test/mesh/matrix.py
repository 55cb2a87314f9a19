"""Trains small models on meshes and on one rank with the same micro-batches, and compares: losses and gradient norms of 20
clipped steps within 1e-5, gradients of the first step and parameters after the last within 1e-4. Combinations that have no
meaning have to be refused with their hint.

  matrix.py --weft WEFT --models DIR [--models DIR...] --tier ci|singles|pairs|odd|memory|memory-ci|refused|drawn|all [--only TEXT]
            [--seed S] [--count N] [--keep-going] [--jobs N] [--shard I/N] [--within SECONDS] [--done FILE]

`ci` is what every run of the test suite does. `singles` is every feature alone on every model, `pairs` every pair of values of any two
options on GPT-2 and Llama, by a covering array, `odd` models of which no mesh divides all sizes. `memory` is every pair of strategies of recomputing, host
memory and what spreads a model, of which every bit has to be that without them; `memory-ci` six of these. `drawn` draws models and options
of every kind, N times, with seeds from S on. A model of which no file is found is named and left out.

With --jobs N cases are run at once, each in a process and a folder of its own, with one thread for each rank. --done FILE holds the cases that agreed, a line
each: they are not run again, so that a run which was stopped goes on where it was.
"""
import argparse, os, shutil, sys, tempfile, time, traceback
from concurrent.futures import ProcessPoolExecutor, as_completed
from cases import TIERS, of_tier
from training import MADE, MODELS, Fault, Place, check


def run_case(place, number, case, deadline):
    """Whether it was run, what is wrong with it, what is to be said of it."""
    if deadline and time.time() > deadline:
        return False, False, ""
    folder = os.path.join(place.folder, f"case-{number}")
    os.makedirs(folder)
    try:
        return True, False, check(place, case, folder)
    except Fault as fault:
        return True, True, f"FAULT {fault}"
    except Exception:  # of this program: the other cases go on
        return True, True, f"FAULT {traceback.format_exc()}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_models(options, cases, folder):
    """The files of models; those that are made, are made."""
    paths = {}
    for model in dict.fromkeys(case.model for case in cases):
        if model in MADE:
            paths[model] = os.path.join(folder, model + ".onnx")
            Place(options.weft, {}, folder, options.timeout, {}).expect([options.weft, "model"] + MADE[model].split() + ["-o", paths[model]])
            continue
        found = [p for p in (os.path.join(d, MODELS[model][0]) for d in options.models) if os.path.exists(p)]
        if found:
            paths[model] = found[0]
        else:
            print(f"left out: {model}, no file {MODELS[model][0]}")
    return paths


def run_cases(options, place, cases, report):
    """Runs cases, at most --jobs at once, and reports each as it ends, until `report` says that it is enough."""
    deadline = time.time() + options.within if options.within else 0
    if options.jobs == 1:
        for number, case in enumerate(cases):
            if not report(case, *run_case(place, number, case, deadline)):
                return
        return
    with ProcessPoolExecutor(options.jobs) as pool:
        futures = {pool.submit(run_case, place, number, case, deadline): case for number, case in enumerate(cases)}
        for future in as_completed(futures):
            if not report(futures[future], *future.result()):
                pool.shutdown(cancel_futures=True)
                return


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--weft", default="weft")
    parser.add_argument("--models", action="append", required=True)
    parser.add_argument("--tier", choices=[*TIERS, "drawn", "all"], default="ci")
    parser.add_argument("--seed", type=int, default=0, help="of the first case that is drawn")
    parser.add_argument("--count", type=int, default=200, help="cases that are drawn")
    parser.add_argument("--only", default="", help="cases whose text contains this")
    parser.add_argument("--keep-going", action="store_true")
    parser.add_argument("--jobs", type=int, default=1, help="cases at once")
    parser.add_argument("--shard", default="0/1", help="I/N: every N-th case from the I-th on, from 0")
    parser.add_argument("--within", type=float, default=0, help="seconds after which no case is begun; 0: no limit")
    parser.add_argument("--timeout", type=float, default=600, help="seconds that one command may take")
    parser.add_argument("--done", help="a file with the cases that are done")
    parser.add_argument("--list", action="store_true", help="print the cases and run none")
    options = parser.parse_args()
    first, step = map(int, options.shard.split("/"))
    cases = [case for case in of_tier(options.tier, options.seed, options.count) if options.only in str(case)][first::step]
    if options.list:
        print("\n".join(map(str, cases)))
        return 0
    done = set()
    if options.done and os.path.exists(options.done):
        with open(options.done) as file:
            done = set(file.read().splitlines())
    count = {"agree": sum(str(case) in done for case in cases), "faults": 0, "not run": 0}
    before = count["agree"]
    with tempfile.TemporaryDirectory() as folder:
        paths = find_models(options, cases, folder)
        cases = [case for case in cases if case.model in paths]
        total = len(cases)
        # Cases at once share the processors: a rank that took all of them would only wait for them.
        threads = {"OMP_NUM_THREADS": "1"} if options.jobs > 1 else {}
        place = Place(options.weft, paths, folder, options.timeout, threads)

        def report(case, was_run, fault, said):
            if not was_run:
                count["not run"] += 1
                return True
            count["faults" if fault else "agree"] += 1
            print(f"{case}: {said}" if fault else f"{case}: ok    {said}", flush=True)
            if options.done and not fault:
                with open(options.done, "a") as file:
                    file.write(f"{case}\n")
            return not fault or options.keep_going

        run_cases(options, place, [case for case in cases if str(case) not in done], report)
    notes = [f"{before} of them in earlier runs"] * (before > 0) + [f"{count['not run']} not run"] * (count["not run"] > 0)
    print(f"{count['agree']} of {total} cases agree with one rank" + (f" ({', '.join(notes)})" if notes else ""))
    return 1 if count["agree"] != total or not total else 0


if __name__ == "__main__":
    sys.exit(main())
