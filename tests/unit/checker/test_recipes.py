"""The recipes for PyTorch are right, in both precisions, and break in the ways that their comments say."""

import numpy as np
import pytest

import landscape as ls
from landscape.checker import recipes

PACKAGES = {
    "torch_autograd": "torch", "torch_func": "torch", "torch_tasks": "torch", "torch_module": "torch", "torch_buffers": "torch",
    "jax_grad": "jax", "with_higher": "higher", "with_learn2learn": "learn2learn",
}  # fmt: skip


def package(name):
    return pytest.importorskip(
        name, reason=f"{name} is not installed: pip install 'task-landscape[torch]' and {name}"
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", PACKAGES)
def test_recipes_are_right(name, dtype):
    if name != "jax_grad":
        package("torch")
    package(PACKAGES[name])
    more = {"tasks": 3} if name == "torch_tasks" else {}
    for seed in range(2):
        found = ls.check_meta_gradient(getattr(recipes, name), dtype=dtype, rng=seed, **more)
        assert found.right, str(found)
        assert found.precision == ("double" if dtype == "float64" and name != "jax_grad" else found.precision)


def test_every_recipe_is_listed():
    written = [name for name in vars(recipes) if name.startswith(("torch_", "jax_", "with_"))]
    assert written == list(PACKAGES)
    assert all(f"`{name}`" in recipes.__doc__ for name in written)


def test_a_missing_package_is_told():
    with pytest.raises(ImportError, match=r"needs torch, .*pip install 'task-landscape\[torch\]'"):
        recipes.needs("torch", "torch", _missing)
    with pytest.raises(ImportError, match="pip install higher"):
        ls.check_meta_gradient(lambda w, X, y, U, v, a: recipes.needs("higher", importer=_missing))


def _missing(name):
    raise ImportError(f"No module named {name!r}")


def _without_create_graph(torch, w, X_in, y_in, X_out, y_out, alpha):
    (g,) = torch.autograd.grad(recipes.half_mse(X_in @ w, y_in), w)
    return torch.autograd.grad(recipes.half_mse(X_out @ (w - alpha * g), y_out), w)


def _detached_parameters(torch, w, X_in, y_in, X_out, y_out, alpha):
    (g,) = torch.autograd.grad(recipes.half_mse(X_in @ w, y_in), w, create_graph=True)
    adapted = (w - alpha * g).detach().requires_grad_()
    return torch.autograd.grad(recipes.half_mse(X_out @ adapted, y_out), adapted)[0]


def _not_passed_on(torch, w, X_in, y_in, X_out, y_out, alpha):
    return torch.autograd.grad(recipes.half_mse(X_out @ w, y_out), w)[0]


def _mse_loss(torch, w, X_in, y_in, X_out, y_out, alpha):
    loss = torch.nn.MSELoss()
    (g,) = torch.autograd.grad(loss(X_in @ w, y_in), w, create_graph=True)
    return torch.autograd.grad(loss(X_out @ (w - alpha * g), y_out), w)[0]


def _sums(torch, w, X_in, y_in, X_out, y_out, alpha):
    def loss(prediction, y):
        return torch.nn.functional.mse_loss(prediction, y, reduction="sum") / 2

    (g,) = torch.autograd.grad(loss(X_in @ w, y_in), w, create_graph=True)
    return torch.autograd.grad(loss(X_out @ (w - alpha * g), y_out), w)[0]


def _backward_twice(torch, w, X_in, y_in, X_out, y_out, alpha):
    recipes.half_mse(X_in @ w, y_in).backward(create_graph=True)
    adapted = w - alpha * w.grad
    w.grad = w.grad.detach().clone()  # what is left there when the outer backward() adds to it
    recipes.half_mse(X_out @ adapted, y_out).backward()
    return w.grad


def _column_of_targets(torch, w, X_in, y_in, X_out, y_out, alpha):
    (g,) = torch.autograd.grad(((X_in @ w - y_in[:, None]) ** 2).mean() / 2, w, create_graph=True)
    return torch.autograd.grad(recipes.half_mse(X_out @ (w - alpha * g), y_out), w)[0]


BROKEN = {
    _without_create_graph: "detached graph", _detached_parameters: "detached graph", _not_passed_on: "no inner step",
    _mse_loss: "factor 2 in both losses", _sums: "sum for mean in both losses",
    _backward_twice: "inner gradient added to the result", _column_of_targets: "targets broadcast in the inner loss",
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("function", BROKEN, ids=lambda f: f.__name__[1:])
def test_broken_recipes_are_named(function):
    torch = package("torch")

    def meta_gradient(w, X_in, y_in, X_out, y_out, alpha):
        tensors = [torch.as_tensor(a) for a in (X_in, y_in, X_out, y_out)]
        return function(torch, torch.tensor(w, requires_grad=True), *tensors, alpha)

    for dtype in ("float64", "float32"):
        assert ls.check_meta_gradient(meta_gradient, dtype=dtype).bugs == (BROKEN[function],)
    if function is _mse_loss:
        assert ls.check_meta_gradient(meta_gradient, loss="full").right


def test_gradients_that_add_up_in_pytorch():
    torch = package("torch")
    model = torch.nn.Linear(5, 1, bias=False, dtype=torch.float64)

    def meta_gradient(w, X_in, y_in, X_out, y_out, alpha):
        X_in, y_in, X_out, y_out = (torch.as_tensor(a) for a in (X_in, y_in, X_out, y_out))
        with torch.no_grad():
            model.weight.copy_(torch.as_tensor(w))
        weight = model.weight
        (g,) = torch.autograd.grad(recipes.half_mse(X_in @ weight[0], y_in), weight, create_graph=True)
        recipes.half_mse(X_out @ (weight - alpha * g)[0], y_out).backward()
        return weight.grad[0]

    found = ls.check_meta_gradient(meta_gradient)
    assert found.bugs == ("state left over: gradients add up over calls",)
    assert found.computes == "MAML"


@pytest.mark.filterwarnings("ignore")
def test_higher_without_its_flags():
    torch, higher = package("torch"), package("higher")

    def meta_gradient(flags):
        def function(w, X_in, y_in, X_out, y_out, alpha):
            model, (X_in, y_in, X_out, y_out) = recipes.model_and_data(torch, w, X_in, y_in, X_out, y_out)
            optimizer = torch.optim.SGD(model.parameters(), lr=alpha)
            with higher.innerloop_ctx(model, optimizer, **flags) as (functional, inner):
                inner.step(recipes.half_mse(functional(X_in)[:, 0], y_in))
                recipes.half_mse(functional(X_out)[:, 0], y_out).backward()
            return np.zeros(len(w)) if model.weight.grad is None else model.weight.grad[0]

        return function

    copied = ls.check_meta_gradient(meta_gradient({"copy_initial_weights": True}))
    assert copied.bugs == ("no gradient reaches w",)
    assert ls.check_meta_gradient(meta_gradient({"copy_initial_weights": False})).right
