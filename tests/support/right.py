"""Right meta-gradients by hand, by method, framework and precision: (arguments of the check, function)."""

import numpy as np

from .planted import RIGHT, first_order, grad, jac, maml, maml_k, plain, steps
from .wrong import anil, imaml, losses_of_all_steps, meta_sgd, minibatches, over_tasks, truncated, with_steps


def _weighted(w, X, y, U, v, a):
    return sum(
        share * np.linalg.matrix_power(jac(X, a), j) @ grad(steps(j, w, X, y, a), U, v)
        for j, share in [(1, 0.2), (2, 0.3), (3, 0.5)]
    )


def mean(gradients):
    return sum(gradients) / len(gradients)


FORMULAS = {  # settings of the check, and a function of arrays of any precision
    "MAML": ({}, maml),
    "MAML, 5 steps": ({"steps": 5}, maml_k(5)),
    "FO-MAML": ({"method": "FO-MAML"}, first_order),
    "HF-MAML": ({"method": "HF-MAML"}, RIGHT["MAML, Hessian on the other half"][2]),
    "Per-FedAvg FO": ({"method": "Per-FedAvg FO"}, first_order),
    "Per-FedAvg HF": ({"method": "Per-FedAvg HF"}, RIGHT["MAML, Hessian on half of X_out"][2]),
    "Reptile": ({"method": "Reptile", "steps": 2}, RIGHT["Reptile"][2]),
    "NAL": ({"method": "NAL"}, plain),
    "iMAML": ({"method": "iMAML"}, imaml()),
    "iMAML, 2 iterations": ({"method": "iMAML", "steps": 2}, truncated(2)),
    "ANIL": ({"method": "ANIL"}, anil([3, 4])),
    "Meta-SGD": ({"method": "Meta-SGD"}, meta_sgd),
    "Meta-SGD, two gradients": ({"method": "Meta-SGD"}, with_steps()),
    "MAML++": ({"method": "MAML++", "steps": 3}, losses_of_all_steps(3, 1 / 3)),
    "MAML++, first-order": ({"method": "MAML++", "steps": 3}, losses_of_all_steps(3, 1 / 3, first=True)),
    "MAML++, weights": ({"method": "MAML++", "steps": 3}, _weighted),
    "MAML, a meta-batch": ({"tasks": 3}, over_tasks(mean)),
    "FO-MAML, a meta-batch": ({"method": "FO-MAML", "tasks": 2}, over_tasks(mean, first_order)),
    "MAML, one column": ({}, lambda *x: maml(*x)[:, None]),
    "MAML, one row": ({}, lambda *x: maml(*x)[None, :]),
}  # fmt: skip


def fresh(k):
    import landscape as ls

    return {"method": ls.MAML(ls.GradientSteps(0.5, m=4, steps=k, batches="fresh"))}, minibatches(k)


def in_numpy(dtype):
    """Compute in NumPy, in that precision (solves in double, where NumPy has no others)."""
    for name, (settings, f) in [*FORMULAS.items(), ("MAML, fresh batches", fresh(3))]:
        yield f"{name}, NumPy, {dtype}", {"dtype": dtype, **settings}, f


def in_bfloat16():
    """Compute in ml_dtypes' bfloat16, an operation at a time."""
    import ml_dtypes

    to = ml_dtypes.bfloat16

    def gradient(v, X, y):
        return (X.T @ (X @ v - y)) / to(len(y))

    def fo(w, X, y, U, v, a):
        w, X, y, U, v, a = (np.asarray(x).astype(to) for x in (w, X, y, U, v, a))
        return gradient(w - a * gradient(w, X, y), U, v)

    def so(w, X, y, U, v, a):
        g = fo(w, X, y, U, v, a)
        X, a = X.astype(to), to(a)
        return g - a * ((X.T @ (X @ g)) / to(len(y)))

    yield "MAML, ml_dtypes, bfloat16", {"dtype": "bfloat16"}, so
    yield "FO-MAML, ml_dtypes, bfloat16", {"dtype": "bfloat16", "method": "FO-MAML"}, fo
    yield "MAML in bfloat16 on float64, ml_dtypes", {}, so


def in_torch(dtype):
    """Compute in PyTorch: autograd through k steps, torch.func, a module with buffers."""
    import torch

    kind = getattr(torch, dtype)

    def tensors(*arrays):
        return [torch.as_tensor(np.array(a)).to(kind) for a in arrays]

    def loss(v, X, y):
        return ((X @ v - y) ** 2).mean() / 2

    def unrolled(k, create=True, losses=False, mask=None):
        def function(w, X, y, U, v, a):
            w, X, y, U, v, a = tensors(w, X, y, U, v, np.asarray(a))
            w.requires_grad_()
            at, total = w, 0.0
            for _ in range(k):
                (g,) = torch.autograd.grad(loss(at, X, y), at, create_graph=create)
                at = at - a * (g if mask is None else g * mask(g))
                total = total + loss(at, U, v) / k
            return torch.autograd.grad(total if losses else loss(at, U, v), w)[0]

        return function

    def implicit(w, X, y, U, v, a):
        w, X, y, U, v, a = tensors(w, X, y, U, v, np.asarray(a))
        H, eye = X.T @ X / len(y), torch.eye(len(w), dtype=kind)
        at = torch.linalg.solve(H + a * eye, X.T @ y / len(y) + a * w)
        return a * torch.linalg.solve(H + a * eye, U.T @ (U @ at - v) / len(v))

    def reptile(w, X, y, U, v, a):
        w, X, y, a = tensors(w, X, y, np.asarray(a))
        at = w.clone().requires_grad_()
        optimizer = torch.optim.SGD([at], lr=float(a))
        for _ in range(3):
            optimizer.zero_grad()
            loss(at, X, y).backward()
            optimizer.step()
        return w - at.detach()

    def func(w, X, y, U, v, a):
        w, X, y, U, v, a = tensors(w, X, y, U, v, np.asarray(a))
        inner = torch.func.grad(loss)
        return torch.func.grad(lambda at: loss(at - a * inner(at, X, y), U, v))(w)

    def of_tasks(w, X, y, U, v, a):
        w, X, y, U, v, a = tensors(w, X, y, U, v, np.asarray(a))
        inner = torch.func.grad(loss)
        one = torch.func.grad(lambda at, X, y, U, v: loss(at - a * inner(at, X, y), U, v))
        return torch.func.vmap(one, in_dims=(None, 0, 0, 0, 0))(w, X, y, U, v).mean(0)

    def last_two(g):
        return torch.as_tensor((np.arange(len(g)) >= len(g) - 2).astype(float)).to(g.dtype)

    rows = {
        "MAML": ({}, unrolled(1)), "MAML, 3 steps": ({"steps": 3}, unrolled(3)), "torch.func": ({}, func),
        "FO-MAML": ({"method": "FO-MAML"}, unrolled(1, create=False)), "Reptile": ({"method": "Reptile", "steps": 3}, reptile),
        "ANIL": ({"method": "ANIL"}, unrolled(1, mask=last_two)), "MAML++": ({"method": "MAML++", "steps": 2}, unrolled(2, losses=True)),
        "Meta-SGD": ({"method": "Meta-SGD"}, unrolled(1)), "vmap over tasks": ({"tasks": 3}, of_tasks),
    }  # fmt: skip
    if dtype in ("float64", "float32"):  # there are no solves in half precision
        rows["iMAML"] = ({"method": "iMAML"}, implicit)
    for name, (settings, f) in rows.items():
        yield f"{name}, PyTorch, {dtype}", {"dtype": dtype, **settings}, f


def in_jax(dtype):
    """Compute in JAX, compiled."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    kind = getattr(jnp, dtype)

    def loss(v, X, y):
        return ((X @ v - y) ** 2).mean() / 2

    def adapted(w, X, y, a, k=1):
        for _ in range(k):
            w = w - a * jax.grad(loss)(w, X, y)
        return w

    def compiled(f):
        inside = jax.jit(f)
        return lambda *x: inside(*(jnp.asarray(np.asarray(part), dtype=kind) for part in x))

    so = compiled(lambda w, X, y, U, v, a: jax.grad(lambda w: loss(adapted(w, X, y, a), U, v))(w))
    so3 = compiled(lambda w, X, y, U, v, a: jax.grad(lambda w: loss(adapted(w, X, y, a, 3), U, v))(w))
    fo = compiled(lambda w, X, y, U, v, a: jax.grad(loss)(adapted(w, X, y, a), U, v))
    both = compiled(
        lambda w, X, y, U, v, a: jax.grad(lambda w, a: loss(adapted(w, X, y, a), U, v), (0, 1))(w, a)
    )
    rows = {
        "MAML": ({}, so), "MAML, 3 steps": ({"steps": 3}, so3), "FO-MAML": ({"method": "FO-MAML"}, fo),
        "Meta-SGD, two gradients": ({"method": "Meta-SGD"}, both),
    }  # fmt: skip
    for name, (settings, f) in rows.items():
        yield f"{name}, JAX, {dtype}", {"dtype": dtype, **settings}, f
