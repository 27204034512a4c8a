"""MAML as one writes it in PyTorch and JAX, ready to be checked: copy the one that is nearest to your code.

Each function takes NumPy arrays and returns a meta-gradient, as `check_meta_gradient` wants it:

=========================== ====================================================================
recipe                      how it differentiates through the inner step
=========================== ====================================================================
`torch_autograd`            torch.autograd.grad with create_graph=True
`torch_func`                torch.func.grad of a function that takes a gradient itself
`torch_tasks`               the same by torch.func.vmap over a meta-batch: check with ``tasks=``
`torch_module`              a torch.nn.Module by torch.func.functional_call
`torch_buffers`             a module with buffers and other parameters: w is put in place, and the rest kept
`jax_grad`                  jax.grad of a function that takes a gradient itself, compiled
`with_higher`               the package higher: innerloop_ctx, and the losses' backward()
`with_learn2learn`          the package learn2learn: MAML(model).clone().adapt(loss)
=========================== ====================================================================

All use the loss with the factor 1/2. With `torch.nn.MSELoss` instead, which has none, pass ``loss="full"`` to
the check. Two things matter to the last digit: tensors in the precision of the arrays (`torch.as_tensor`
keeps it, and a model needs ``.to(dtype)``), and nothing that outlives the call. From the shell:

    landscape check landscape.checker.recipes:torch_autograd

PyTorch is an extra of this package: ``pip install 'task-landscape[torch]'``. JAX computes in single precision
unless ``jax_enable_x64`` is set, and is right all the same: the report says so. higher (last release 2020) is
one line more. learn2learn 0.2.0 has to be compiled, and as published fails to on Python 3.11 and newer. In
its unpacked source, ``cythonize -3 -f learn2learn/data/*.pyx`` (``pip install "cython<3"``) writes its C
files anew, and ``pip install --no-build-isolation .`` installs it then.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

from landscape.core import Array

Importer = Callable[[str], Any]


def needs(name: str, extra: str | None = None, importer: Importer = import_module) -> Any:
    """Import an optional package, or raise an error that says how to get it."""
    try:
        return importer(name)
    except ImportError as error:
        cure = f"pip install 'task-landscape[{extra}]'" if extra else f"pip install {name}"
        raise ImportError(f"this recipe needs {name}, which cannot be imported ({error}): {cure}") from error


def half_mse(prediction: Any, y: Any) -> Any:
    """Compute half the mean squared error; the shapes must be equal, or broadcasting makes a table of all pairs."""
    assert prediction.shape == y.shape
    return ((prediction - y) ** 2).mean() / 2


def torch_autograd(w: Array, X_in: Array, y_in: Array, X_out: Array, y_out: Array, alpha: float) -> Any:
    """One inner step by torch.autograd.grad; without create_graph=True this would be FO-MAML."""
    torch = needs("torch", "torch")
    X_in, y_in, X_out, y_out = (torch.as_tensor(a) for a in (X_in, y_in, X_out, y_out))
    start = torch.tensor(w, requires_grad=True)
    (g,) = torch.autograd.grad(half_mse(X_in @ start, y_in), start, create_graph=True)
    adapted = start - alpha * g
    return torch.autograd.grad(half_mse(X_out @ adapted, y_out), start)[0]


def torch_func(w: Array, X_in: Array, y_in: Array, X_out: Array, y_out: Array, alpha: float) -> Any:
    """The same as a function of functions: nothing to detach, nothing to zero."""
    torch = needs("torch", "torch")
    w, X_in, y_in, X_out, y_out = (torch.as_tensor(a) for a in (w, X_in, y_in, X_out, y_out))

    def loss(v: Any, X: Any, y: Any) -> Any:
        return half_mse(X @ v, y)

    def after_adaptation(v: Any) -> Any:
        return loss(v - alpha * torch.func.grad(loss)(v, X_in, y_in), X_out, y_out)

    return torch.func.grad(after_adaptation)(w)


def torch_tasks(w: Array, X_in: Array, y_in: Array, X_out: Array, y_out: Array, alpha: float) -> Any:
    """A meta-batch of shapes (tasks, n, d) and (tasks, n): the mean over tasks, each from w."""
    torch = needs("torch", "torch")
    w, *batches = (torch.as_tensor(a) for a in (w, X_in, y_in, X_out, y_out))

    def loss(v: Any, X: Any, y: Any) -> Any:
        return half_mse(X @ v, y)

    def after_adaptation(v: Any, X_in: Any, y_in: Any, X_out: Any, y_out: Any) -> Any:
        return loss(v - alpha * torch.func.grad(loss)(v, X_in, y_in), X_out, y_out)

    each = torch.func.vmap(torch.func.grad(after_adaptation), in_dims=(None, 0, 0, 0, 0))
    return each(w, *batches).mean(dim=0)


def torch_module(w: Array, X_in: Array, y_in: Array, X_out: Array, y_out: Array, alpha: float) -> Any:
    """A model with named parameters: a linear layer without bias, its weight (1, d) filled with w."""
    torch = needs("torch", "torch")
    model, (X_in, y_in, X_out, y_out) = model_and_data(torch, w, X_in, y_in, X_out, y_out)
    start = dict(model.named_parameters())

    def loss(parameters: Mapping[str, Any], X: Any, y: Any) -> Any:
        return half_mse(torch.func.functional_call(model, parameters, (X,))[:, 0], y)

    grads = torch.autograd.grad(loss(start, X_in, y_in), list(start.values()), create_graph=True)
    adapted = {name: p - alpha * g for (name, p), g in zip(start.items(), grads, strict=True)}
    loss(adapted, X_out, y_out).backward()
    return model.weight.grad[0]


def torch_buffers(w: Array, X_in: Array, y_in: Array, X_out: Array, y_out: Array, alpha: float) -> Any:
    """A module with a buffer (here an input scale that is 1): buffers go along, and take no inner step."""
    torch = needs("torch", "torch")
    linear, (X_in, y_in, X_out, y_out) = model_and_data(torch, w, X_in, y_in, X_out, y_out)

    class Scaled(torch.nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.linear = linear
            self.register_buffer("scale", torch.ones(len(w), dtype=linear.weight.dtype))

        def forward(self, X: Any) -> Any:
            return self.linear(X * self.scale)[:, 0]

    model = Scaled()
    start, buffers = dict(model.named_parameters()), dict(model.named_buffers())

    def loss(parameters: Mapping[str, Any], X: Any, y: Any) -> Any:
        return half_mse(torch.func.functional_call(model, (parameters, buffers), (X,)), y)

    grads = torch.autograd.grad(loss(start, X_in, y_in), list(start.values()), create_graph=True)
    adapted = {name: p - alpha * g for (name, p), g in zip(start.items(), grads, strict=True)}
    return torch.autograd.grad(loss(adapted, X_out, y_out), list(start.values()))


def jax_grad(w: Array, X_in: Array, y_in: Array, X_out: Array, y_out: Array, alpha: float) -> Any:
    """JAX: jax.lax.stop_gradient around the inner gradient would be FO-MAML."""
    return _compiled_by_jax()(w, X_in, y_in, X_out, y_out, alpha)


@cache
def _compiled_by_jax() -> Any:
    """Make the function once: what jit returns compiles once for each set of shapes."""
    jax = needs("jax")

    def loss(v: Any, X: Any, y: Any) -> Any:
        return half_mse(X @ v, y)

    def meta_gradient(w: Any, X_in: Any, y_in: Any, X_out: Any, y_out: Any, alpha: Any) -> Any:
        def after_adaptation(v: Any) -> Any:
            return loss(v - alpha * jax.grad(loss)(v, X_in, y_in), X_out, y_out)

        return jax.grad(after_adaptation)(w)

    return jax.jit(meta_gradient)


def with_higher(w: Array, X_in: Array, y_in: Array, X_out: Array, y_out: Array, alpha: float) -> Any:
    """higher: copy_initial_weights=False, or no gradient reaches the model; track_higher_grads=False would be FO-MAML."""
    torch, higher = needs("torch", "torch"), needs("higher")
    model, (X_in, y_in, X_out, y_out) = model_and_data(torch, w, X_in, y_in, X_out, y_out)
    optimizer = torch.optim.SGD(model.parameters(), lr=alpha)
    with higher.innerloop_ctx(model, optimizer, copy_initial_weights=False) as (functional, inner):
        inner.step(half_mse(functional(X_in)[:, 0], y_in))
        half_mse(functional(X_out)[:, 0], y_out).backward()
    return model.weight.grad[0]


def with_learn2learn(w: Array, X_in: Array, y_in: Array, X_out: Array, y_out: Array, alpha: float) -> Any:
    """learn2learn: first_order=True would be FO-MAML."""
    torch, learn2learn = needs("torch", "torch"), needs("learn2learn")
    model, (X_in, y_in, X_out, y_out) = model_and_data(torch, w, X_in, y_in, X_out, y_out)
    learner = learn2learn.algorithms.MAML(model, lr=alpha, first_order=False).clone()
    learner.adapt(half_mse(learner(X_in)[:, 0], y_in))
    half_mse(learner(X_out)[:, 0], y_out).backward()
    return model.weight.grad[0]


def model_and_data(torch: Any, w: Array, *arrays: Array) -> tuple[Any, list[Any]]:
    """Make a linear model with the given weights, and tensors of the data, of the same precision."""
    w, *tensors = (torch.as_tensor(a) for a in (w, *arrays))
    model = torch.nn.Linear(len(w), 1, bias=False, dtype=w.dtype)
    with torch.no_grad():
        model.weight.copy_(w)
    return model, tensors
