"""On how many samples one adapts and in how many steps: m and k, declared once for all adaptations."""

from typing import Any

import numpy as np

from landscape.core import Domain, batch_size, choice, parameter, step_count


def number_of_samples(
    domain: Domain = batch_size,
    *,
    default: Any = np.inf,
    label: str = "samples",
    typical: tuple[float, ...] = (2, 60),
) -> Any:
    """Declare m, the samples of a new task that one adapts with: a whole number from 1 on, or inf for all there are."""
    return parameter(domain, default=default, symbol="m", label=label, typical=typical, grid=True)


def number_of_steps() -> Any:
    """Declare k."""
    return parameter(step_count, default=1, symbol="k", label="number of steps", typical=(1, 3))


def samples_of_steps() -> Any:
    """Declare whether steps draw fresh batches or share one."""
    return parameter(choice("fresh", "same"), default="fresh", label="samples of several steps")
