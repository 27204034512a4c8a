"""Which tasks are hard, and where hard and easy tasks' solutions lie."""

import numpy as np
import pytest
from support.worlds import skewed_rows

import landscape as ls
from landscape.diagnosis.geography import geography, slower
from landscape.diagnosis.held_out import usual_step
from landscape.diagnosis.task_sums import task_sums

UNEQUAL = np.array([4, 1, 2, 1, 3, 1, 4]) / 16


def rows_environment(T=7, d=3, seed=0, shares=None):
    rng = np.random.default_rng(seed)
    shares = [None] * T if shares is None else shares
    return ls.Mixture([ls.DataTask(f"t{i}", *skewed_rows(rng, d, N=12), shares[i]) for i in range(T)])


def of(environment):
    tasks = task_sums([task.expanded() for task in environment.tasks()])
    return geography(tasks, {"NAL": tasks.origin})


def test_geography_is_that_of_the_papers_landscape():
    """R^2/r_H = 4/0.5 and rho_H/rho_E = 1/9 up to the error of 400 drawn tasks, which is about 10% for the first."""
    environment = ls.HardEasy(d=6, rho_hard=0.1, rho_easy=0.9, R=2.0, r_hard=0.5, r_easy=1.0)
    index, optima = environment.sample(400, 0)
    names, rho = ["hard", "easy"], [0.1, 0.9]
    drawn = [
        ls.TaskFamily(f"{names[k]} {i}", rho[k], w)
        for i, (k, w) in enumerate(zip(index, optima, strict=True))
    ]
    found = of(ls.Mixture(drawn))
    assert found.separation == pytest.approx(8, rel=0.2)
    assert found.hardness == pytest.approx(1 / 9)
    frame = found.to_frame()
    assert (frame["hard"] == frame["task"].str.startswith("hard")).all()


def test_a_task_thrice_as_likely_is_three_tasks():
    """In the landscape and in what is trained on all tasks."""
    copies = (UNEQUAL * 16).astype(int)
    weighted = rows_environment(shares=UNEQUAL)
    listed = ls.Mixture([
        ls.DataTask(f"{f.name} {k}", f.X, f.y) for f, n in zip(weighted.families, copies, strict=True) for k in range(n)
    ])  # fmt: skip
    one, many = (task_sums(tasks.tasks()) for tasks in (weighted, listed))
    np.testing.assert_allclose(one.origin, many.origin)
    assert usual_step(one) == pytest.approx(usual_step(many))
    ours, theirs = (geography(tasks, {"NAL": tasks.origin}) for tasks in (one, many))
    assert (ours.hardness, ours.separation) == pytest.approx((theirs.hardness, theirs.separation))
    np.testing.assert_array_equal(np.repeat(ours.hard, copies), theirs.hard)
    for left, right in (
        (np.repeat(ours.solutions, copies, axis=0), theirs.solutions),
        (ours.trained, theirs.trained),
    ):
        np.testing.assert_allclose(np.abs(left), np.abs(right), atol=1e-9)  # directions have no sign


def test_geography_measures_by_the_loss():
    """In two dimensions the plane holds everything: squared distances are what they cost, and the rate of descent is the share of
    the excess loss that a short step removes, on average over all directions."""
    environment, h = rows_environment(d=2), 1e-7
    found = of(environment)
    S = np.array([f.X.T @ f.X / 12 for f in environment.families])
    w = np.array([np.linalg.lstsq(f.X, f.y, rcond=None)[0] for f in environment.families])
    for i, j in ((0, 1), (2, 5), (3, 6)):
        cost = (w[i] - w[j]) @ S.mean(axis=0) @ (w[i] - w[j])
        assert ((found.solutions[i] - found.solutions[j]) ** 2).sum() == pytest.approx(cost)
    stepped = np.eye(2) - h * S
    left = np.trace(stepped @ S @ stepped, axis1=1, axis2=2) / np.trace(S, axis1=1, axis2=2)
    np.testing.assert_allclose(found.curvature, (1 - left) / (2 * h), rtol=1e-5)
    scatter = (found.solutions - found.solutions.mean(axis=0)).T @ found.solutions
    assert scatter[0, 0] >= scatter[1, 1]
    assert scatter[0, 1] == pytest.approx(0, abs=1e-9)


def test_groups_leave_the_least_variance_within():
    rng = np.random.default_rng(4)
    for _ in range(30):
        values, shares = rng.normal(size=9) ** 3, rng.dirichlet(np.ones(9))

        def within(hard, values=values, shares=shares):
            return sum(
                shares[g] @ (values[g] - np.average(values[g], weights=shares[g])) ** 2 for g in (hard, ~hard)
            )

        best = min((values <= cut for cut in np.sort(values)[:-1]), key=within)
        np.testing.assert_array_equal(slower(values, shares), best)
    assert (
        slower(np.full(6, 0.3), np.full(6, 1 / 6)).sum() == 3
    )  # where all are alike one half is as good as the other


def test_geography_without_spread():
    """Solutions that differ by rounding only are one; a single slow task has no spread, and nothing is said of it."""
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(30, 2)) * (0.2 if i < slow else 1.0) for slow in (3, 1) for i in range(6)]
    alike = ls.Mixture([ls.DataTask(f"{i}", X, X @ [1.0, 2.0]) for i, X in enumerate(inputs[:6])])
    assert of(alike).separation == 0
    single = ls.Mixture([ls.DataTask(f"{i}", X, X @ [1.0, i]) for i, X in enumerate(inputs[6:])])
    found = of(single)
    assert found.hard.sum() == 1
    assert found.separation == np.inf


def test_steep_rates_are_told_from_two_rates():
    tasks = [ls.TaskFamily(f"{i}", 0.9 if i % 2 else 0.1, [float(i), 0.0]) for i in range(12)]
    assert not of(ls.Mixture(tasks)).is_steep
    steep = of(ls.Mixture([*tasks, ls.TaskFamily("steep", 2.0, [1.0, 0.0])]))
    assert steep.is_steep
    assert steep.steepest == "steep"
    assert steep.steepness == pytest.approx(2.0 / 0.9)
