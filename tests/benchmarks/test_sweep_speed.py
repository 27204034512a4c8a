"""Keeping a cell: what it costs among the cells that are there already, as ratios within one run.

`python -m pytest tests/benchmarks/test_sweep_speed.py -s --benchmark-only` on two busy cores of 2024 (2026-11-29):
among 1,000 cells 226 us for a cell more (the first thousand: 233), among 10,000 618 (257), among 100,000 528 (188).
One renamed file a cell took 150 to 250 us without, 3,000 to 4,000 us with a sync to disk, and leaves a folder of files.
"""

import time

import numpy as np
import pytest

from landscape.analysis.sweep.store import Store

RUNS = {
    "method": ["NAL"] * 20, "repeat": list(range(20)), "coordinate": np.linspace(0, 1, 20), "loss": np.linspace(0, 1, 20),
    "loss_standard_error": np.linspace(0, 1, 20), "above_noise": np.linspace(0, 1, 20),
}  # fmt: skip


def seconds(store, first, count):
    begun = time.perf_counter()
    for i in range(first, first + count):
        store.add({f'{{"m": {float(i)}, "seed": 0}}': RUNS})
    return (time.perf_counter() - begun) / count


@pytest.mark.parametrize("cells", [1_000, 10_000, 100_000])
def test_a_cell_costs_the_same_among_many(benchmark, tmp_path, cells):
    """A thousand cells more, beside the first thousand."""
    with Store(tmp_path / "cells.db", {"plan": "the same"}) as store:
        first = seconds(store, 0, 1_000)
        for start in range(1_000, cells, 10_000):
            store.add(
                {f'{{"m": {float(i)}, "seed": 0}}': RUNS for i in range(start, min(start + 10_000, cells))}
            )
        more = benchmark.pedantic(lambda: seconds(store, cells + 1, 1_000), rounds=1)
    benchmark.extra_info |= {"first": first, "more": more, "ratio": more / first}
    print(f"{cells:,} cells: {1e6 * first:.0f} us the first, {1e6 * more:.0f} us after")
    assert more < 4 * first
