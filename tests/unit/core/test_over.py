"""Grids enter by `over` alone, with names: of parameters, of families, of methods, of arguments of functions."""

from __future__ import annotations

import math
import pickle
import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest
import sympy

import landscape as ls
from landscape.core.grids import BLOCK

ADAPTATION = ls.GradientSteps(0.5, m=20)


def own() -> ls.Mixture:
    return ls.Mixture(
        [
            ls.TaskFamily("hard", [0.1, 0.3], [1.0, 2.0], 0.5, probability=0.3, noise=0.1),
            ls.TaskFamily("easy", 0.9, 0.0, [0.2, 0.1], probability=0.7),
        ]
    )


def total(env: Any, start: Any = None, adaptation: Any = ADAPTATION) -> float:
    return float(ls.risk(env, ls.MAML() if start is None else start, adaptation).total)


def test_optima_over_a_grid_are_those_of_its_points_in_every_coordinate() -> None:
    over = {"rho_hard": [0.1, 0.5], "R": [1.0, 2.0, 3.0]}
    found = ls.optimum(ls.HardEasy(d=4), ls.MAML(0.7), over)
    for i, rho in enumerate(over["rho_hard"]):
        for j, R in enumerate(over["R"]):
            alone = ls.optimum(ls.HardEasy(d=4, rho_hard=rho, R=R), ls.MAML(0.7))
            assert alone.shape == (4,)
            np.testing.assert_allclose(found.value[i, j], alone.value, rtol=1e-13)


def test_a_name_that_a_column_has_too_keeps_its_values() -> None:
    """Label noise varies beside the part of the risk that is called noise: both stay, and lines go over the first."""
    from matplotlib import pyplot as plt

    noise, m, env = [0.1, 0.4, 0.9], [5, 50], ls.HardEasy(d=3)
    alone = ls.risk(env, ls.NAL(), ADAPTATION, over={"noise": noise})
    table = alone.to_frame()
    assert list(table["over_noise"]) == noise
    np.testing.assert_array_equal(table["noise"], alone.noise.value)
    assert not np.isclose(table["noise"], noise).any()
    both = ls.compare(env, [ls.NAL(), ls.MAML()], ADAPTATION, over={"noise": noise})
    table = both.to_frame()
    assert list(table.columns[:2]) == ["over_noise", "method"]
    assert list(table["over_noise"]) == 2 * noise
    ax = both.plot(ax=plt.figure().add_subplot(), y="noise")
    for line in ax.get_lines():
        np.testing.assert_array_equal(line.get_xdata(), noise)
        np.testing.assert_array_equal(line.get_ydata(), alone.noise.value)
    assert "label noise" in ax.get_xlabel()
    plane = ls.compare(env, [ls.NAL(), ls.MAML()], ADAPTATION, over={"noise": noise, "m": m})
    low, high = plane.heatmap("noise", "m", ax=plt.figure().add_subplot()).get_xlim()
    assert low < 0.1 < 0.9 < high < 1.2
    run = ls.simulate(
        lambda loss: ls.HardEasy(d=3, noise=loss), [ls.NAL()], ADAPTATION, ls.Training(20), over={"loss": [0.1, 0.4]},
        repeats=2, tasks=50, progress=False,
    )  # fmt: skip
    frame = run.to_frame()
    assert list(frame["over_loss"]) == [0.1, 0.1, 0.4, 0.4]
    np.testing.assert_array_equal(frame["loss"], run.losses.ravel())
    (points,) = run.plot(ax=plt.figure().add_subplot()).containers
    np.testing.assert_array_equal(points.lines[0].get_xdata(), [0.1, 0.4])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("hard.centre", [[0.0, 0.0], [1.0, 0.0], [2.0, -1.0]]),
        ("hard.centre", [0.0, 1.0, 2.0]),
        ("hard.covariance", [0.1, 0.2, 0.5]),
        ("hard.covariance", [[0.1, 0.2], [0.5, 0.4], [1.0, 1.0]]),
        ("hard.covariance", [[[0.2, 0.1], [0.1, 0.3]], [[0.5, 0.0], [0.0, 0.5]]]),
        ("easy.spread", [[[0.2, 0.1], [0.1, 0.3]], [[0.5, 0.0], [0.0, 0.5]]]),
        ("easy.spread", [0.0, 1.0]),
        ("easy.noise", [0.0, 1.0]),
    ],
)
def test_fields_of_ones_own_families(name: str, values: list[Any]) -> None:
    import dataclasses

    family, field = name.split(".")
    found = ls.compare(own(), [ls.NAL(), ls.MAML()], ADAPTATION, over={name: values, "m": [5, 50]})
    for i, value in enumerate(values):
        changed = [
            dataclasses.replace(f, **{field: value}) if f.name == family else f for f in own().families
        ]
        for j, m in enumerate((5, 50)):
            adaptation = ls.GradientSteps(0.5, m)
            for label, method in (("NAL", ls.NAL()), ("MAML", ls.MAML())):
                wanted = total(ls.Mixture(changed), method, adaptation)
                assert found.risk(label).total[i, j] == pytest.approx(wanted, rel=1e-12)


def test_a_probability_moves_the_others_in_proportion() -> None:
    families = [
        ls.TaskFamily(n, 0.2 + i, float(i), d=2, probability=p)
        for i, (n, p) in enumerate({"a": 0.2, "b": 0.3, "c": 0.5}.items())
    ]
    found = ls.risk(ls.Mixture(families), ls.NAL(), ADAPTATION, over={"a.probability": [0.2, 0.6]}).total
    again = [
        ls.TaskFamily(f.name, f.covariance, f.centre, d=2, probability=p)
        for f, p in zip(families, (0.6, 0.15, 0.25), strict=True)
    ]
    np.testing.assert_allclose(
        found, [total(ls.Mixture(families), ls.NAL()), total(ls.Mixture(again), ls.NAL())], rtol=1e-13
    )


def test_functions_are_called_once_a_point_with_plain_numbers() -> None:
    seen = []

    def made(R: float, noise: float) -> ls.Environment:
        seen.append((R, noise))
        return ls.HardEasy(R=R, noise=noise)

    over = {"R": [1.0, 2.0], "noise": [0.0, 0.5], "m": [5, 10, 20]}
    found = ls.compare(made, [ls.NAL(), ls.MAML()], ADAPTATION, over=over)
    wanted = ls.compare(ls.HardEasy(), [ls.NAL(), ls.MAML()], ADAPTATION, over=over)
    np.testing.assert_allclose(found.gain("MAML"), wanted.gain("MAML"), rtol=1e-13)
    assert all(type(x) is float for pair in seen for x in pair)
    adapted = ls.risk(
        ls.HardEasy(), ls.MAML(), lambda a: ls.PreconditionedSteps(np.full(10, a), 20), over={"a": [0.1, 0.5]}
    )
    np.testing.assert_allclose(
        adapted.total, ls.risk(ls.HardEasy(), ls.MAML(), ADAPTATION, over={"alpha": [0.1, 0.5]}).total
    )
    points = np.arange(20.0).reshape(2, 10)
    moved = ls.risk(ls.HardEasy(), lambda i: points[int(i)], ADAPTATION, over={"i": [0, 1]}).total
    np.testing.assert_allclose(moved, [total(ls.HardEasy(), p) for p in points])


def test_a_parameter_may_be_a_function_of_others() -> None:
    rho = [0.3, 0.9]
    found = ls.gain(
        ls.HardEasy(), ls.MAML(), ADAPTATION, over={"rho_easy": rho, "alpha": lambda rho_easy: 1 / rho_easy}
    )
    wanted = [float(ls.gain(ls.HardEasy(rho_easy=r), ls.MAML(), ls.GradientSteps(1 / r, 20))) for r in rho]
    np.testing.assert_allclose(found, wanted, rtol=1e-13)


def test_methods_follow_the_adaptation_unless_they_have_their_own() -> None:
    methods = [ls.NAL(), ls.MAML(), ls.MAML(ls.GradientSteps(0.2, 7)), ls.FOMAML(0.1)]
    over = {"alpha": [0.1, 0.6], "m": [5, 50]}
    found = ls.compare(ls.HardEasy(), methods, ADAPTATION, over=over)
    for i, a in enumerate(over["alpha"]):
        for j, m in enumerate(over["m"]):
            one = ls.compare(ls.HardEasy(), methods, ls.GradientSteps(a, m))
            for label in one.labels:
                assert found.risk(label).total[i, j] == pytest.approx(float(one.risk(label).total), rel=1e-12)


def test_a_parameter_of_one_method_is_addressed_by_its_label() -> None:
    methods = [ls.NAL(), ls.MAML(0.3), ls.FOMAML(0.3), ls.BaMAML(0.5, 0.5)]
    over = {"FO-MAML.inner.alpha": [0.1, 0.7], "BaMAML.strength": [0.5, 1.0, 2.0]}
    found = ls.compare(ls.HardEasy(), methods, ADAPTATION, over=over)
    np.testing.assert_allclose(
        found.risk("MAML").total.value, np.full((2, 3), total(ls.HardEasy(), ls.MAML(0.3)))
    )
    for i, a in enumerate((0.1, 0.7)):
        assert found.risk("FO-MAML").total[i, 1] == pytest.approx(total(ls.HardEasy(), ls.FOMAML(a)))
    for j, g in enumerate((0.5, 1.0, 2.0)):
        assert found.risk("BaMAML").total[0, j] == pytest.approx(total(ls.HardEasy(), ls.BaMAML(g, 0.5)))
    table = found.to_frame()
    assert list(table.columns[:3]) == ["FO-MAML.inner.alpha", "BaMAML.strength", "method"]
    assert len(table) == 4 * 6


@pytest.mark.parametrize(
    ("over", "message"),
    [
        ({"rho_hrd": [0.1]}, "did you mean rho_hard"),
        ({"centre": [0.1]}, "unknown name in over 'centre'"),
        ({"steps": [1, 2]}, "steps takes no grid: give a function of it"),
        ({"rho_hard": [0.1, -1]}, "rho_hard.* must be finite and > 0, got -1"),
        ({"rho_hard": [[0.1, 0.2]]}, "must be a list of numbers"),
        ({"rho_hard": 0.3}, "must be a list of values, got 0.3"),
        ({"rho_hard": []}, "must be a list of values"),
        ({"rho_hard": ["a", "b"]}, "must be"),
        ({"rho_hard": [0.1, np.nan]}, "got nan"),
        ({"alpha": lambda x: x}, "is a function of 'x', which is no name in over"),
        ([0.1, 0.2], "over must be a dict"),
    ],
)
def test_what_fits_nowhere_is_an_error_that_says_so(over: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ls.compare(ls.HardEasy(), [ls.NAL(), ls.MAML()], ADAPTATION, over=over)


def test_own_families_name_the_cure() -> None:
    with pytest.raises(ValueError, match=r"did you mean hard\.centre"):
        ls.risk(own(), ls.NAL(), ADAPTATION, over={"hard.center": [1.0]})
    with pytest.raises(ValueError, match=r"environment=lambda R: Mixture"):
        ls.risk(own(), ls.NAL(), ADAPTATION, over={"R": [1.0]})
    with pytest.raises(ValueError, match="over has no values for it"):
        ls.risk(lambda R: ls.HardEasy(R=R), ls.NAL(), ADAPTATION)


def test_an_array_is_never_a_grid() -> None:
    for make in (
        lambda: ls.GradientSteps([0.1, 0.2]),
        lambda: ls.HardEasy(R=[1, 2]),
        lambda: ls.Training([1, 2]),
    ):
        with pytest.raises(TypeError, match="must be one number"):
            make()
    with pytest.raises(TypeError, match="PreconditionedSteps"):
        ls.MAML(np.diag([0.5, 0.8, 1.0]))
    with pytest.raises(TypeError, match="PreconditionedSteps"):
        ls.risk(ls.HardEasy(), 0.0, [0.1] * 10)
    with pytest.raises(ValueError, match="for several points"):
        ls.risk(ls.HardEasy(d=2), np.zeros((3, 2)), ADAPTATION)


def test_a_number_stands_for_gradient_steps() -> None:
    assert ls.MAML(0.9) == ls.MAML(ls.GradientSteps(0.9))
    assert total(ls.HardEasy(), ls.MAML(), 0.4) == total(ls.HardEasy(), ls.MAML(), ls.GradientSteps(0.4))
    a = sympy.Symbol("a", positive=True)
    assert ls.MAML(a).inner == ls.GradientSteps(a)


def test_a_warning_is_shown_once_whatever_the_value() -> None:
    """An optimiser over alpha printed one a call: the text held the value."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        for alpha in (2.5, 2.6, 2.7):
            ls.risk(ls.HardEasy(), 0.0, ls.GradientSteps(alpha))
    assert len({str(w.message) for w in told}) == 1


@pytest.mark.parametrize("blocks", ["rho_hard", "m"])
def test_blocks_do_not_change_the_answer(blocks: str) -> None:
    """A grid of several blocks, cut along its first or its second axis, against the same grid cut by hand."""
    many = {"rho_hard": (173, 101), "m": (3, 12_000)}[blocks]
    over = {"rho_hard": np.linspace(0.1, 0.5, many[0]), "m": np.arange(5.0, 5 + many[1]), "alpha": [0.1, 0.2]}
    assert math.prod(map(len, over.values())) > 2 * BLOCK

    def parts(over: dict[str, Any]) -> np.ndarray:
        risk = ls.risk(ls.HardEasy(), ls.MAML(), ADAPTATION, over=over)
        return np.stack(np.broadcast_arrays(risk.noise, risk.dispersion, risk.suboptimality))

    whole, axis = parts(over), {"rho_hard": 1, "m": 2}[blocks]
    found = [parts(over | {blocks: piece}) for piece in np.array_split(over[blocks], 7)]
    assert all(piece[0].size < BLOCK for piece in found)
    np.testing.assert_array_equal(whole, np.concatenate(found, axis=axis))
    assert (found[0] != found[1]).any()  # so that pieces in each other's place are seen


def test_each_point_says_how_it_was_had_whatever_its_block() -> None:
    """A grid of several blocks: a limit with an error of its own at each point, exact where m is infinite."""
    m, noise = [2, 20, np.inf], np.linspace(0.1, 1.0, 9001)
    tasks, ridge = ls.HardEasy(d=6), ls.RidgeToStart(0.4, 2)
    whole = ls.risk(tasks, 0.0, ridge, over={"m": m, "noise": noise}).total
    assert whole.how.kind == "limit"
    for i, k in ((0, 0), (0, 9000), (1, 4500), (2, 8999)):
        point = ls.risk(ls.HardEasy(d=6, noise=noise[k]), 0.0, ls.RidgeToStart(0.4, m[i])).total
        np.testing.assert_allclose(whole.how.expected_error[i, k], point.how.expected_error, rtol=1e-12)
        assert point.how.is_exact == (m[i] == np.inf)
    exact = ls.risk(tasks, 0.0, ls.RidgeToStart(0.4), over={"strength": [0.1, 0.4], "noise": noise}).total
    assert exact.how.is_exact


def test_symbols_give_exact_numbers() -> None:
    rho, alpha, m, d = sympy.symbols("rho alpha m d", positive=True)
    env = ls.HardEasy(rho_hard=rho, d=d, R=2.0, r_hard=0.4)
    for method in (ls.NAL(), ls.MAML(), ls.FOMAML(), ls.IMAML(0.5), ls.BaMAML(0.5, 0.25)):
        found = ls.risk(env, method, ls.GradientSteps(alpha, m))
        for part in (found.noise, found.dispersion, found.suboptimality):
            assert not sympy.sympify(part.item()).atoms(sympy.Float), method
        number = {rho: 0.1, alpha: 0.3, m: 20, d: 10}
        assert float(found.total.item().subs(number)) == pytest.approx(
            total(ls.HardEasy(), method, ls.GradientSteps(0.3, 20))
        )
        assert "\\rho" in found._repr_latex_()
    with pytest.raises(ValueError, match="symbols need isotropic or diagonal"):
        ls.risk(ls.Mixture([ls.TaskFamily("a", [[1.0, 0.5], [0.5, 1.0]])]), 0.0, ls.GradientSteps(alpha))


def test_results_of_functions_travel() -> None:
    """Functions do not pickle: a result keeps their values."""
    over = {"R": [1.0, 2.0], "rho_easy": [0.5, 0.9], "alpha": lambda rho_easy: 1 / rho_easy}
    found = ls.compare(lambda R: ls.HardEasy(R=R), [ls.NAL(), ls.MAML()], ADAPTATION, over=over)
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert again.to_frame().equals(found.to_frame())
    np.testing.assert_allclose(found.to_frame()["alpha"], 1 / found.to_frame()["rho_easy"])


def test_memory_stays_near_the_size_of_the_answer() -> None:
    over = {"rho_hard": np.linspace(0.01, 0.9, 500), "m": np.arange(20, 520.0)}
    tracemalloc.start()
    ls.compare(ls.HardEasy(), [ls.NAL(), ls.MAML()], ADAPTATION, over=over)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * (4 * 8 * 500 * 500)


def test_a_gain_of_formulas_over_nothing_is_infinite() -> None:
    """Tasks without spread, each solved by a full step or on its own side: MAML loses nothing, NAL does."""
    R = sympy.Symbol("R", positive=True)
    tasks = ls.HardEasy(d=2, R=R, r_hard=0, r_easy=0, rho_hard=sympy.Rational(1, 10), rho_easy=1)
    step = ls.GradientSteps(1)
    assert ls.gain(tasks, ls.MAML(step), step, against=ls.NAL()).value.item() is sympy.oo
    assert ls.gain(tasks, ls.MAML(step), step, against=ls.MAML(step)).value.item() == 1
