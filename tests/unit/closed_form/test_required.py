"""How much data, and how it is best spent: against simulation at the answer, and against its neighbours."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from support.trained import trained_points

import landscape as ls
from landscape.closed_form.finite_sample.asymptotics import solution_law

ENV, ADAPT = ls.HardEasy(d=3, r_easy=2.0, noise=0.5), ls.GradientSteps(0.8, 20)
ROUGH = "fewer than 50 tasks a dimension"


def maml(alpha, n2):
    return ls.MAML(ls.GradientSteps(alpha, n2))


def expected(method, training, adaptation=ADAPT, environment=ENV):
    """Expected suboptimality, by the law itself."""
    return solution_law(environment, method, training, adaptation).suboptimality(adaptation)


def above_minimum(method, training, repeats, adaptation=ADAPT, environment=ENV):
    """Suboptimality of trained solutions."""
    points = trained_points(environment, method.within(adaptation), training, adaptation.m, repeats)
    return ls.risk_landscape(environment, adaptation).above_minimum(points)


def simulated(method, training, repeats=300, adaptation=ADAPT, environment=ENV):
    """Mean suboptimality of trained solutions and its standard error."""
    found = above_minimum(method, training, repeats, adaptation, environment)
    return found.mean(), found.std() / np.sqrt(repeats)


def test_the_number_of_tasks_by_simulation_at_the_answer():
    training = ls.Training(1, n1=10)
    answer = ls.required_tasks(ENV, ls.MAML(), ADAPT, training, suboptimality=0.006)
    mean, error = simulated(ls.MAML(), replace(training, T=answer.value), 400)
    assert abs(mean - 0.006) < 4 * error + 0.0002
    assert expected(ls.MAML(), replace(training, T=answer.value - 1)) > 0.006 >= answer.suboptimality


def test_tasks_needed_where_the_method_has_a_floor():
    """MAML for another adaptation: the curve is the law's at each T, and the answer is the least T."""
    method, training = maml(0.3, 5), ls.Training(1, n1=10)
    floor = float(ls.risk(ENV, method, ADAPT).suboptimality)
    answer = ls.required_tasks(ENV, method, ADAPT, training, suboptimality=floor + 0.004)
    law = [expected(method, replace(training, T=int(T))) for T in answer.values]
    np.testing.assert_allclose(answer.curve, law, rtol=1e-10)
    assert answer.suboptimality == pytest.approx(
        expected(method, replace(training, T=answer.value)), rel=1e-10
    )
    assert answer.suboptimality <= floor + 0.004 < expected(method, replace(training, T=answer.value - 1))
    assert answer.values[0] >= ENV.d
    assert answer.values[-1] >= 5 * answer.value


def with_amount(name, value, training):
    """Method and training with n1, n2 or tau at a value."""
    if name == "n2":
        return maml(0.8, value), training
    return ls.MAML(), replace(training, **{name: value})


@pytest.mark.parametrize(
    ("question", "name", "wanted"),
    [
        (ls.required_outer_samples, "n1", 0.004),
        (ls.required_inner_samples, "n2", 0.012),
        pytest.param(ls.required_episodes, "tau", 0.002, marks=pytest.mark.slow),
    ],
)
def test_the_least_samples(question, name, wanted):
    training = ls.Training(400, n1=10)
    answer = question(ENV, ls.MAML(), ADAPT, training, suboptimality=wanted)
    assert answer.suboptimality <= wanted
    assert answer.value > 1
    assert expected(*with_amount(name, answer.value - 1, training)) > wanted
    mean, error = simulated(*with_amount(name, answer.value, training))
    assert abs(mean - answer.suboptimality) < 4 * error + 0.05 * answer.suboptimality


def test_no_solution_has_a_reason():
    training = ls.Training(400, n1=10)
    answer = ls.required_outer_samples(ENV, ls.MAML(), ADAPT, training, suboptimality=1e-5)
    limit = expected(ls.MAML(), replace(training, n1=10**12))
    assert answer.value is None
    assert "which only more tasks" in answer.reason
    assert f"without bound it tends to {limit:.3g}" in answer.reason
    assert "differs from m" not in answer.reason  # that is for n2
    answer = ls.required_inner_samples(ENV, ls.MAML(), ADAPT, training, suboptimality=1e-5)
    assert answer.value is None
    assert "differs from m" in answer.reason
    one = ls.Mixture([ls.TaskFamily("only", 0.5, 1.0, noise=1.0, d=2)])  # whose scatter goes with 1/tau
    answer = ls.required_episodes(one, ls.MAML(), ADAPT, training, suboptimality=1e-12)
    assert answer.value is None
    assert answer.reason.endswith("at 100,000, and only still more would do")
    answer = ls.required_tasks(ENV, ls.NAL(), ADAPT, replace(training, n2=20), suboptimality=1e-5)
    assert answer.value is None
    assert "no number of tasks suffices" in answer.reason


@pytest.mark.parametrize(
    ("method", "more"), [(maml(0.5, 20), {}), (ls.NAL(), {"n2": 1}), (ls.FOMAML(0.5), {"n2": 5})]
)
def test_answers_leave_a_unique_solution(method, more):
    """However little is wanted: with fewer samples than dimensions there is none."""
    environment, adaptation = ls.HardEasy(d=10, noise=0.1), ls.GradientSteps(0.5, 20)
    least = {"n1": 4, "tau": 4, "T": 10} if method != ls.NAL() else {"n1": 3, "tau": 2, "T": 5}
    questions = {"T": ls.required_tasks, "n1": ls.required_outer_samples, "tau": ls.required_episodes}
    for name, question in questions.items():
        training = ls.Training(3, n1=1, **more)
        with pytest.warns(ls.LandscapeWarning, match=ROUGH):
            answer = question(environment, method, adaptation, training, suboptimality=1e6)
        assert answer.value == least[name]
        with pytest.raises(ValueError, match="no unique solution"):
            solution_law(environment, method, replace(training, **{name: answer.value - 1}), adaptation)
    with pytest.warns(ls.LandscapeWarning, match=ROUGH):
        split = ls.best_split(environment, maml(0.5, 5), adaptation, ls.Training(3, n1=5))
    assert split.n1 >= 4
    assert np.isinf(split.curve[:3]).all()


@pytest.mark.slow
def test_the_best_training_step_is_negative_with_much_noise():
    """One family, so that alpha moves the scatter only; checked by simulation at the answer and at 0.3."""
    environment = ls.Mixture([ls.TaskFamily("only", 1.0, 0.0, 0.1, noise=5.0, d=3)])
    training, adaptation = ls.Training(400, n1=10), ls.GradientSteps(0.3, 10)
    answer = ls.best_training_step(environment, maml(0.3, 10), adaptation, training)
    assert answer.alpha < -0.1
    assert "it is negative" in answer.headline()
    found = {
        alpha: simulated(maml(alpha, 10), training, 500, adaptation, environment)
        for alpha in (answer.alpha, 0.0, 0.3)
    }
    mean, error = found[answer.alpha]
    assert abs(mean - answer.suboptimality) < 4 * error + 0.03 * answer.suboptimality
    assert mean < found[0.0][0] < found[0.3][0]


def test_the_best_training_step_may_be_far_below_0():
    """One outer sample and many inner ones: the search has to widen, and the answer is a minimum."""
    environment = ls.Mixture([ls.TaskFamily("only", 0.5, 0.0, 0.01, noise=1.0, d=3)])
    training, adaptation = ls.Training(10_000, n1=1), ls.GradientSteps(0.3, 50)
    answer = ls.best_training_step(environment, maml(0.3, 50), adaptation, training)
    assert answer.alpha < -2 / 0.5
    around = [
        expected(maml(answer.alpha * f, 50), training, adaptation, environment) for f in (0.9, 1.0, 1.1)
    ]
    assert around[1] == pytest.approx(answer.suboptimality)
    assert around[1] < min(around[0], around[2])


def test_designs_are_tried_at_equal_ratios():
    """Whole numbers of 30 samples a task, the largest where two tasks a dimension are left; each with its own T."""
    budget = 6000
    design = ls.best_design(ENV, ls.NAL(), ADAPT, ls.Training(1), budget=budget)
    found = dict(zip(design.values.tolist(), design.curve.tolist(), strict=True))
    ratio = (budget / 6 / 2) ** (1 / 29)
    wanted = [round(budget / 6 / ratio**k) for k in range(20)]  # below a dozen they meet
    assert [n for n in found if n >= wanted[-1]] == wanted[::-1]
    for n, value in found.items():
        assert value == pytest.approx(expected(ls.NAL(), ls.Training(budget // n, n1=n - 1, n2=1)), rel=1e-12)
    assert design.suboptimality == min(found.values()) == found[design.n1 + design.n2]


def test_few_samples_a_task_are_split_in_all_ways():
    with pytest.warns(ls.LandscapeWarning, match=ROUGH):
        design = ls.best_design(ENV, ls.MAML(), ADAPT, ls.Training(1), budget=60)
    assert design.values.tolist() == list(range(2, 11))
    for n, value in zip(design.values.tolist(), design.curve, strict=True):
        splits = [(maml(0.8, n - n1), ls.Training(60 // n, n1=n1)) for n1 in range(1, n)]
        assert value == pytest.approx(min(expected(*split) for split in splits), rel=1e-12)


def test_the_smallest_budget():
    """Two tasks a dimension of two samples each."""
    with pytest.warns(ls.LandscapeWarning, match=ROUGH):
        design = ls.best_design(ENV, ls.MAML(), ADAPT, ls.Training(1), budget=12)
    assert (design.T, design.n1, design.n2) == (6, 1, 1)
    with pytest.raises(ValueError, match="at least 2 tasks a dimension"):
        ls.best_design(ENV, ls.MAML(), ADAPT, ls.Training(1), budget=11)


@pytest.mark.slow
def test_split_and_design_beat_their_neighbours():
    training = ls.Training(400, n1=10)
    split = ls.best_split(ENV, ls.MAML(), ADAPT, training)
    assert split.n1 + split.n2 == 30
    assert split.suboptimality <= split.curve.min() + 1e-15
    design = ls.best_design(ENV, ls.MAML(), ADAPT, training, budget=100_000)
    assert design.T * (design.n1 + design.n2) <= 100_000
    assert design.suboptimality <= split.suboptimality
    for answer, T in ((split, 400), (design, design.T)):
        mean, error = simulated(maml(0.8, answer.n2), ls.Training(T, n1=answer.n1), repeats=60)
        assert abs(mean - answer.suboptimality) < 4 * error + 0.05 * answer.suboptimality


def test_pooled_training_has_designs_too():
    """All samples are alike: only how many tasks share them is asked."""
    design = ls.best_design(ENV, ls.NAL(), ADAPT, ls.Training(1), budget=100_000)
    assert design.suboptimality == pytest.approx(
        expected(ls.NAL(), ls.Training(design.T, n1=design.n1, n2=design.n2)), rel=1e-12
    )


def test_answers_warn_where_they_are_rough():
    """With one text, whatever the answer: Python shows a text once."""
    with pytest.warns(ls.LandscapeWarning, match=ROUGH) as first:
        ls.required_tasks(ENV, ls.MAML(), ADAPT, ls.Training(1, n1=10), suboptimality=0.2)
    few, enough = ls.Training(149, n1=20), ls.Training(150, n1=20)  # d = 3
    with pytest.warns(ls.LandscapeWarning, match=ROUGH) as second:
        ls.required_episodes(ENV, ls.MAML(), ADAPT, few, suboptimality=0.1)
    assert str(first[0].message) == str(second[0].message)
    assert first[0].filename == second[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ls.required_episodes(ENV, ls.MAML(), ADAPT, enough, suboptimality=0.1)


@pytest.mark.slow
def test_answers_come_first_and_plot():
    training = ls.Training(400, n1=10)
    answer = ls.required_outer_samples(ENV, ls.MAML(), ADAPT, training, suboptimality=0.004)
    assert repr(answer).startswith(f"<n1 = {answer.value} is the least")
    assert answer._repr_html_().startswith(f"<p><strong>n1 = {answer.value} is the least")
    assert "<table" not in answer._repr_html_()  # the search is no answer
    assert len(answer.plot().get_lines()) == 3
    assert list(answer.to_frame().columns) == ["n1", "suboptimality"]
    step = ls.best_training_step(ENV, ls.MAML(), ADAPT, training)
    split = ls.best_split(ENV, ls.MAML(), ADAPT, training)
    design = ls.best_design(ENV, ls.MAML(), ADAPT, training, budget=10_000)
    assert design.T * (design.n1 + design.n2) <= 10_000
    assert repr(step).startswith(f"<alpha = {step.alpha:.4g} has")
    assert f"n1 = {split.n1} outer and n2 = {split.n2} inner" in repr(split)
    assert f"{design.T:,} tasks of {design.n1} outer and {design.n2} inner" in repr(design)
    for one in (step, split):
        assert len(one.plot().get_lines()) == 2
    assert len(design.plot().get_lines()) == 1


def test_questions_without_an_answer_say_so():
    training = ls.Training(400, n1=5)
    cases = [
        (lambda: ls.best_split(ENV, ls.NAL(), ADAPT, replace(training, n2=5)), "nothing to split"),
        (lambda: ls.best_split(ENV, ls.MAML(0.5), ADAPT, training), "needs a finite n2"),
        (
            lambda: ls.best_training_step(ENV, ls.NAL(), ADAPT, replace(training, n2=5)),
            "NAL has no step size",
        ),
        (
            lambda: ls.best_training_step(ENV, ls.IMAML(0.5), ADAPT, training),
            "iMAML has no step size in training",
        ),
        (
            lambda: ls.best_design(ENV, ls.MAML(), ADAPT, training, budget=2.5),
            "budget must be finite and a whole",
        ),
        (
            lambda: ls.required_tasks(ENV, ls.MAML(), ADAPT, training, suboptimality=0),
            "suboptimality must be",
        ),
        (
            lambda: ls.required_tasks(ENV, ls.Reptile(0.1), ADAPT, training, suboptimality=1),
            "scatter of Reptile",
        ),
        (lambda: ls.required_outer_samples(ENV, ls.IMAML(1.0), ADAPT, training, suboptimality=1), "iMAML"),
    ]
    for call, message in cases:
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.slow
def test_the_number_of_tasks_for_a_share_of_training_sets(capsys):
    """By simulation at the answer: 95% of 400 training sets, standard error 1.1%, and the normal law's own error."""
    training = ls.Training(1, n1=10)
    answer = ls.required_tasks(ENV, ls.MAML(), ADAPT, training, suboptimality=0.006, probability=0.95)
    assert capsys.readouterr().err == ""
    shown = ls.required_tasks(
        ENV, ls.MAML(), ADAPT, training, suboptimality=0.006, probability=0.95, progress=True
    )
    assert shown.value == answer.value
    assert "numbers of tasks" in capsys.readouterr().err
    mean = ls.required_tasks(ENV, ls.MAML(), ADAPT, training, suboptimality=0.006)
    assert answer.value > mean.value
    assert "95% of the training sets" in repr(answer)
    found = above_minimum(ls.MAML(), replace(training, T=answer.value), 400)
    assert abs(np.mean(found <= 0.006) - 0.95) < 4 * 0.011
    for T, enough in ((answer.value, True), (answer.value - 1, False)):
        law = solution_law(ENV, ls.MAML(), replace(training, T=T), ADAPT)
        assert (law.probability_within(ADAPT, 0.006) >= 0.95) is enough
    with pytest.raises(ValueError, match="probability must be"):
        ls.required_tasks(ENV, ls.MAML(), ADAPT, training, suboptimality=0.006, probability=1.0)


def test_below_the_floor_some_training_sets_reach_it():
    """By luck: the share first grows with T, then falls to 0; at the floor it tends to one half."""
    H, J = ls.HardEasy(), ls.GradientSteps(1.0, m=50)
    floor = float(ls.risk(H, ls.NAL(), J).suboptimality)

    def share(T, wanted):
        return solution_law(H, ls.NAL(), ls.Training(T), J).probability_within(J, wanted)

    assert floor > 0.125
    with pytest.warns(ls.LandscapeWarning, match=ROUGH):
        answer = ls.required_tasks(H, ls.NAL(), J, ls.Training(1), suboptimality=0.12, probability=0.2)
    assert share(answer.value - 1, 0.12) < 0.2 <= share(answer.value, 0.12)
    assert "with more tasks the share tends to 0" in answer.reason
    assert share(10**6, 0.12) < 1e-3
    none = ls.required_tasks(H, ls.NAL(), J, ls.Training(1), suboptimality=0.12, probability=0.5)
    assert none.value is None
    most = max(share(int(T), 0.12) for T in np.geomspace(500, 5000, 80))
    said = float(none.reason.split("largest share is ")[1].split("%")[0])
    assert said == pytest.approx(100 * most, rel=0.01)
    assert "tends to 0" in none.reason
    at = ls.required_tasks(H, ls.NAL(), J, ls.Training(1), suboptimality=floor, probability=0.6)
    assert at.value is None
    assert "tends to one half" in at.reason
    assert share(10**9, floor) == pytest.approx(0.5, abs=1e-3)
    above = ls.required_tasks(H, ls.NAL(), J, ls.Training(1), suboptimality=floor * 1.001, probability=0.9)
    near = ls.required_tasks(H, ls.NAL(), J, ls.Training(1), suboptimality=floor * (1 + 1e-15))
    assert near.value is None
    assert share(above.value - 1, floor * 1.001) < 0.9 <= share(above.value, floor * 1.001)


@pytest.mark.parametrize("method", [ls.MAML(), ls.NAL()])
def test_one_law_serves_all_numbers_of_tasks(method):
    """The search scales the law on few tasks; here each number of tasks has its own. NAL on one covariance is exact."""
    rng = np.random.default_rng(0)
    root = rng.normal(size=(2, 12, 3))
    S = [X.T @ X / 12 for X in (root if isinstance(method, ls.MAML) else root[[0, 0]])]
    tasks = ls.Mixture([ls.TaskFamily(f"{i}", S[i], rng.normal(size=3), 0.2, noise=0.3) for i in range(2)])
    training, step = ls.Training(1, n1=10, n2=8), ls.GradientSteps(0.4, m=8)
    wanted = ls.asymptotics(tasks, method, replace(training, T=300), step).suboptimality(step)
    found = ls.required_tasks(tasks, method, step, training, suboptimality=wanted, probability=0.8)
    assert 150 < found.value < 5000
    shares = [
        ls.asymptotics(tasks, method, replace(training, T=T), step).probability_within(step, wanted)
        for T in (found.value - 1, found.value)
    ]
    assert shares[0] < 0.8 <= shares[1]


def test_the_least_share_need_not_reach_the_mean():
    """Half of the training sets are served by fewer tasks than the mean takes."""
    training = ls.Training(1, n1=10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ls.LandscapeWarning)
        mean = ls.required_tasks(ENV, ls.MAML(), ADAPT, training, suboptimality=0.006)
        half = ls.required_tasks(ENV, ls.MAML(), ADAPT, training, suboptimality=0.006, probability=0.3)
    assert half.value < mean.value
    sure = ls.required_tasks(ENV, ls.MAML(), ADAPT, training, suboptimality=0.006, probability=1 - 1e-8)
    assert "on 99.999999% of" in repr(sure)
    for probability in (1 - 1e-16, 1 - 1e-9, 0.0):
        with pytest.raises(ValueError, match="probability must be"):
            ls.required_tasks(ENV, ls.MAML(), ADAPT, training, suboptimality=0.006, probability=probability)


def test_how_likely_a_trained_solution_beats_a_point():
    """Against NAL's optimum and against a point, by 400 simulated training sets; isotropic and dense alike."""
    dense = ls.Mixture(
        [ls.TaskFamily("a", [0.3, 0.5, 0.8], [1.0, 0.0, 2.0], 0.5, noise=0.3), ls.TaskFamily("b", 0.9, 0.0)]
    )
    for environment, T in ((ENV, 150), (dense, 40)):
        training = ls.Training(T, n1=10)
        law = solution_law(environment, ls.MAML(), training, ADAPT)
        landscape = ls.risk_landscape(environment, ADAPT)
        found = above_minimum(ls.MAML(), training, 400, environment=environment)
        middle = float(np.median(found))
        assert abs(law.probability_within(ADAPT, middle) - 0.5) < 4 * 0.025 + 0.05
        nal = landscape.above_minimum(np.asarray(ls.optimum(environment, ls.NAL())))
        assert law.win_probability(ADAPT) == pytest.approx(np.mean(found < nal), abs=4 * 0.025 + 0.05)
        assert law.win_probability(ADAPT, landscape.minimiser) < 1e-9
        assert law.win_probability(ADAPT, 1e3) > 1 - 1e-9
