"""Time and memory of an iteration of deep MAML and NAL: `python tests/benchmarks/deep_network.py`, by hand; the table is in deep_network.txt.

Five classes, one shot, ten targets, pictures of 28 x 28 made of noise. Milliseconds of the wall clock and of the CPU, the least of
three after a warm-up; memory is the largest that the process held, less what it held after importing PyTorch.
"""

import multiprocessing
import resource
import time

import numpy as np

CASES = [
    (method, filters, tasks, 1)
    for filters, tasks in ((16, 2), (32, 2), (64, 8))
    for method in ("NAL", "FO-MAML", "MAML")
]
CASES += [("MAML", 32, 2, 2)]  # what two threads are worth depends on who else runs, and on OMP_WAIT_POLICY


def measure(case):
    """Return seconds an iteration and megabytes, in a process of its own."""
    method, filters, tasks, threads = case
    import torch  # each process imports it anew

    from landscape.papers.images.episodes import hard_task
    from landscape.papers.images.network import initial_parameters
    from landscape.papers.images.training import Plan, train

    torch.set_num_threads(threads)
    pictures = np.random.default_rng(0).integers(255, size=(10, 20, 1, 28, 28)).astype(np.uint8)
    draw = hard_task([pictures], 5, 1, 10)
    start = initial_parameters(filters=filters, channels=1, side=28, outputs=5, seed=0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wall, cpu = [], []
    for _ in range(4):
        began, spent = time.perf_counter(), time.process_time()
        train(Plan(method, 1, tasks), draw, start)
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - spent)
    return min(wall[1:]), min(cpu[1:]), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main():
    """Print the table."""
    print(f"{'method':8} {'filters':>7} {'tasks':>5} {'threads':>7} {'ms':>6} {'CPU ms':>6} {'MB':>5}")
    for case in CASES:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            wall, cpu, megabytes = pool.apply(measure, (case,))
        print(
            f"{case[0]:8} {case[1]:7} {case[2]:5} {case[3]:7} {1000 * wall:6.0f} {1000 * cpu:6.0f} {megabytes:5.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
