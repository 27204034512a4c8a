"""Random environments, methods and adaptations: z-scores of theory against simulation are standard normal.

Seeds: 1 for all of the 150 environments, some five scores each, so that a pass stays a pass.
False alarms: about 1e-4 by the distance of Kolmogorov and Smirnov; scores of one environment share their draws, so not exactly.
Seen: an error of 2% in what theory believes (covariances, targets of data), at p below 1e-8.
"""

import numpy as np
import pytest
from scipy import stats
from support.calibration import scores, simulations

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def drawn():
    return list(simulations(150, seed=1))


def test_scores_are_standard_normal(drawn):
    z = np.concatenate([scores(one) for one in drawn])
    assert len(z) > 500
    assert stats.kstest(z, "norm").pvalue > 1e-4
    assert abs(z.std() - 1) < 0.1
    assert np.abs(z).max() < 5


def test_an_error_of_two_percent_is_seen(drawn):
    """Planted into the covariances, and into the targets of data tasks."""
    z = np.concatenate([scores(one, 0.02) for one in drawn])
    assert stats.kstest(z, "norm").pvalue < 1e-8
