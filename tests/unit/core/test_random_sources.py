"""`rng=` takes what SPEC 7 asks for: seeds, seed sequences, bit generators and generators; one seed means one answer."""

import numpy as np
import pandas as pd
import pytest

import landscape as ls
from landscape import plotting

WORLD, STEP = ls.HardEasy(d=2), ls.GradientSteps(0.5, m=5)
RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {"task": np.repeat(list("abcdef"), 8), "x": RNG.normal(size=48), "y": RNG.normal(size=48)}
)


def draw(rng):
    return rng.uniform(0.5, 1, 2), rng.normal(size=2), 0.1


def pooled(w, X_in, y_in, X_out, y_out, alpha):
    return X_out.T @ (X_out @ w - y_out) / len(y_out)


CALLS = {
    "sample": lambda rng: WORLD.sample(3, rng)[1],
    "from_sampler": lambda rng: ls.optimum(ls.from_sampler(draw, 5, rng), ls.NAL()),
    "simulate": lambda rng: ls.simulate(
        WORLD, ls.NAL(), STEP, ls.Training(20), repeats=2, tasks=5, rng=rng, progress=False
    ).solutions,
    "risk": lambda rng: ls.risk(WORLD, 1.0, ls.OwnShots(1), draws=50, rng=rng).total,
    "check": lambda rng: ls.check_meta_gradient(pooled, rng=rng).to_frame().select_dtypes("number"),
    "replacement": lambda rng: ls.replacement_effect(
        ls.from_data(TABLE, "y", "task"), 0.0, ls.GradientSteps(0.1, m=3), repeats=5, rng=rng
    ).to_frame().select_dtypes("number"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::landscape.LandscapeWarning")
@pytest.mark.parametrize("name", CALLS)
def test_sources_of_random_numbers(name):
    def answer(rng):
        return np.asarray(CALLS[name](rng))

    one = np.random.SeedSequence(3)
    first = answer(one)
    assert np.array_equal(first, answer(one))  # nothing is counted up in it
    assert np.array_equal(first, answer(np.random.SeedSequence(3)))
    for make in (np.random.PCG64, np.random.default_rng):
        assert np.array_equal(answer(make(3)), answer(make(3)))
    assert answer(np.int64(3)).shape == first.shape
    assert not np.array_equal(first, answer(np.random.SeedSequence(4)))


def test_what_is_no_source_is_refused():
    for bad in ("3", 2.0, True, -1, np.random.RandomState(0)):
        for call in (CALLS["sample"], lambda rng: plotting.landscape_view(WORLD, STEP, rng=rng)):
            with pytest.raises(
                ValueError, match=r"rng must be a numpy.random.Generator or SeedSequence, or a whole"
            ):
                call(bad)
