"""Networks that learn over tasks: gradients by a second route, the same numbers twice, and training that goes on after a stop."""

import numpy as np
import pytest

import landscape as ls
from landscape.papers.images.episodes import Episode, easy_task
from landscape.papers.images.evaluation import accuracies, linearised_step, tangent_features
from landscape.papers.images.network import initial_parameters, logits
from landscape.papers.images.training import Plan, outer_loss, step, train

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'task-landscape[torch]'")

SIDE = 16
START = initial_parameters(filters=3, channels=1, side=SIDE, outputs=3, seed=0)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def alphabets(count=4, characters=3, drawings=8):
    """Characters that differ by where their ink is, each drawn with other noise."""
    rng = np.random.default_rng(0)
    shapes = rng.random((count, characters, 1, 1, SIDE, SIDE)) < 0.3
    noise = rng.integers(0, 90, size=(count, characters, drawings, 1, SIDE, SIDE))
    return list((165 * shapes + noise).astype(np.uint8))


DRAW = easy_task(alphabets(), 3, 1, 4)


def double():
    """A network in double precision, and a task of noise: no two pixels tie in a pooling."""
    start = initial_parameters(filters=3, channels=1, side=SIDE, outputs=3, seed=1, dtype="float64")
    rng = np.random.default_rng(2)
    X_in, X_out = rng.random((6, 1, SIDE, SIDE)), rng.random((9, 1, SIDE, SIDE))
    return start, Episode(X_in, np.arange(6) % 3, X_out, np.arange(9) % 3)


def slopes(plan):
    """The meta-gradient along a random direction, and the change of the loss along it."""
    start, task = double()
    rng = np.random.default_rng(3)
    direction = {name: torch.as_tensor(rng.normal(size=p.shape)) for name, p in start.items()}
    weights = {name: p.clone().requires_grad_() for name, p in start.items()}
    gradients = torch.autograd.grad(outer_loss(plan, weights, task), list(weights.values()))
    along = sum(float((g * d).sum()) for g, d in zip(gradients, direction.values(), strict=True))
    values = []
    for h in (1e-6, -1e-6):
        moved = {name: (p + h * direction[name]).requires_grad_() for name, p in start.items()}
        values.append(float(outer_loss(plan, moved, task).detach()))
    return along, (values[0] - values[1]) / 2e-6


@pytest.mark.parametrize("method", ["MAML", "NAL"])
def test_gradients_are_those_of_the_loss(method):
    along, change = slopes(Plan(method, inner_rate=0.4))
    assert along == pytest.approx(change, rel=1e-5)


def test_the_first_order_is_told_apart():
    along, change = slopes(Plan("FO-MAML", inner_rate=0.4))
    assert abs(along - change) > 0.01 * abs(change)
    second = slopes(Plan("MAML", inner_rate=0.4))
    assert second[1] == pytest.approx(change, rel=1e-12)  # the same loss, another gradient


def linear(parameters, X):
    return X @ parameters["w"]


def half_mse(outputs, y):
    return ((outputs - y) ** 2).mean() / 2


@pytest.mark.parametrize("method", ["MAML", "FO-MAML", "NAL"])
def test_the_checker_agrees_on_a_linear_network(method):
    def meta_gradient(w, X_in, y_in, X_out, y_out, alpha):
        weights = {"w": torch.tensor(w, requires_grad=True)}
        value = outer_loss(
            Plan(method, inner_rate=alpha), weights, Episode(X_in, y_in, X_out, y_out), linear, half_mse
        )
        return torch.autograd.grad(value, weights["w"])[0]

    assert ls.check_meta_gradient(meta_gradient, method).right
    if method != "NAL":
        other = {"MAML": "FO-MAML", "FO-MAML": "MAML"}[method]
        assert not ls.check_meta_gradient(meta_gradient, other).right


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_one_seed_gives_the_same_numbers_and_another_others():
    plan = Plan("MAML", 4, 2)
    one, again = (train(plan, DRAW, START) for _ in range(2))
    assert equal(one.parameters, again.parameters)
    np.testing.assert_array_equal(one.losses, again.losses)
    other = train(Plan("MAML", 4, 2, seed=1), DRAW, START)
    assert not equal(one.parameters, other.parameters)
    assert not equal(one.parameters, START)


@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_training_that_was_killed_goes_on(tmp_path, optimiser):
    plan, path = Plan("MAML", 7, 1, optimiser=optimiser), tmp_path / "state.pt"
    whole = train(plan, DRAW, START, keep=(0, 2, 5))
    left = [5]

    def killed(rng):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return DRAW(rng)

    with pytest.raises(KeyboardInterrupt):
        train(plan, killed, START, checkpoint=path, every=2, keep=(0, 2, 5))
    drawn = []

    def counted(rng):
        drawn.append(1)
        return DRAW(rng)

    resumed = train(plan, counted, START, checkpoint=path, every=2, keep=(0, 2, 5))
    assert len(drawn) == 3  # four iterations of seven were on the disk
    assert equal(resumed.parameters, whole.parameters)
    np.testing.assert_array_equal(resumed.losses, whole.losses)
    assert list(resumed.kept) == [0, 2, 5]
    assert all(equal(resumed.kept[i], whole.kept[i]) for i in resumed.kept)
    assert list(tmp_path.iterdir()) == [path]


def test_checkpoints_of_another_plan_and_damaged_ones_are_refused(tmp_path):
    path = tmp_path / "state.pt"
    train(Plan("NAL", 1), DRAW, START, checkpoint=path)
    with pytest.raises(ValueError, match="is of other training .*'iterations': 1.*take it away"):
        train(Plan("NAL", 2), DRAW, START, checkpoint=path)
    with pytest.raises(ValueError, match="is of other training"):
        train(Plan("NAL", 1), DRAW, START, checkpoint=path, source="glyphs")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match="is no whole checkpoint"):
        train(Plan("NAL", 1), DRAW, START, checkpoint=path)


def test_a_step_of_the_head_leaves_the_blocks():
    weights = {name: p.clone().requires_grad_() for name, p in START.items()}
    task = DRAW(np.random.default_rng(0))
    X, y = torch.as_tensor(task.X_in), torch.as_tensor(task.y_in)
    after = step(weights, X, y, 0.1, moved="head")
    changed = {name for name in START if not torch.equal(after[name].detach(), START[name])}
    assert changed == {"head.weight", "head.bias"}
    assert not torch.equal(step(weights, X, y, 0.1)["block0.weight"], START["block0.weight"])


def test_batch_norms_take_the_statistics_of_the_pictures():
    X = torch.as_tensor(DRAW(np.random.default_rng(0)).X_out)
    torch.testing.assert_close(logits(START, 3 * X), logits(START, X), rtol=1e-2, atol=1e-2)
    assert not torch.allclose(logits(START, X[:6]), logits(START, X)[:6], atol=1e-3)


def test_the_tangent_is_what_short_steps_tend_to():
    start, task = double()
    near, far = (
        linearised_step(start, task, rate) for rate in (1e-7, 1e-6)
    )  # so short that no ReLU switches
    assert far.error == pytest.approx(10 * near.error, rel=0.05)  # the distance is quadratic in the step
    assert near.error < 1e-5
    assert linearised_step(start, task, 0.1).error > 0.1


def test_inner_products_of_tangent_features_are_those_of_gradients():
    """A short step along a sum of gradients moves each output by their inner products with it."""
    start, task = double()
    X, v = torch.as_tensor(task.X_in), torch.as_tensor(np.random.default_rng(4).normal(size=6))
    weights = {name: p.clone().requires_grad_() for name, p in start.items()}
    along = torch.autograd.grad(v @ logits(weights, X)[:, 0], list(weights.values()))
    outputs = [
        logits({name: p + h * g for (name, p), g in zip(start.items(), along, strict=True)}, X)[:, 0]
        for h in (1e-7, -1e-7)
    ]
    F = tangent_features(start, X)
    np.testing.assert_allclose(F @ F.T @ v.numpy(), (outputs[0] - outputs[1]).numpy() / 2e-7, rtol=1e-4)


def test_the_network_has_the_papers_size():
    parameters = initial_parameters(filters=64, channels=1, side=28, outputs=5, seed=0)
    assert sum(p.numel() for p in parameters.values()) == 64 * 9 + 3 * 64 * 64 * 9 + 4 * 2 * 64 + 5 * 64 + 5
    assert initial_parameters(filters=64, channels=3, side=32, outputs=20, seed=0)["head.weight"].shape == (
        20,
        256,
    )


def test_training_learns_what_nal_cannot():
    found = {}
    for method in ("MAML", "NAL"):
        trained = train(Plan(method, 80, 1, 1e-2), DRAW, START)
        found[method] = accuracies(trained.parameters, DRAW, 40, 0.1, 0)
    gap = found["MAML"] - found["NAL"]
    assert gap.mean() > 4 * gap.std(ddof=1) / 40**0.5
