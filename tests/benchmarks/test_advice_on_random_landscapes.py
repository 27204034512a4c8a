"""Is the advice within 2% of the best there is? Fifty random landscapes, seeds 0 to 49, half of them of skewed inputs and noise.

`pytest tests/benchmarks/test_advice_on_random_landscapes.py -m slow -s` takes two minutes. A table of 2,000 tasks (40 rows each
where they are rows) is diagnosed; every row is judged on 20,000 new tasks, exactly given their shots. The best is the row
that loses least there.

Measured on 2026-11-29: how much more the advised row loses than the best, by the tasks of the table. Beside it the same where
the cheapest row is advised that is within 2% on the table, whatever the error of that: nothing is taken off.

===== ======== ========= ============= ===== =====================
tasks seeds    within 2% worst         mean  nothing taken off
===== ======== ========= ============= ===== =====================
2,000 0 to 49  50 of 50  1.72%         .37%  (this file)
2,000 0 to 49  50 of 50  1.93% (.05)   .38%  50 of 50, worst 1.93%
2,000 50 to 99 50 of 50  1.40%         .27%  48 of 50, worst 2.82%
400   0 to 49  50 of 50  1.52%         .34%  49 of 50, worst 2.57%
400   50 to 99 50 of 50  1.45%         .23%  49 of 50, worst 2.36%
400   100-149  50 of 50  1.54% (.09)   .29%  not tried
50    0 to 49  49 of 50  2.07% (.24)   .36%  49 of 50, worst 2.07%
===== ======== ========= ============= ===== =====================

In parentheses the standard error of judging. The first line is what this file prints; the others are of the same worlds, their
tables drawn in another order. Seeds 100 to 149 were drawn once, after the rule stood.
"""

import numpy as np
import pytest
from support.judging import judged, random_world

TASKS, SEEDS, NEW = 2000, range(50), 20_000


@pytest.mark.slow
def test_advice_is_within_two_per_cent_of_the_best_on_fifty_random_landscapes():
    excess = []
    for seed in SEEDS:
        world = random_world(seed, TASKS)
        found = judged(world, seed, NEW)
        advised = found.diagnosis.advised(world.shots).name
        excess.append(found.excess(advised))
        print(
            f"{seed:3d} {'skewed' if world.skewed else 'normal'} m = {world.shots:2d}: {advised:18s} {100 * excess[-1]:.2f}% over the best, "
            f"standard error {100 * found.error(advised):.2f}%"
        )
    assert np.max(excess) < 0.02
