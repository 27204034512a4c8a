"""Continuous-time limits of training on any losses, integrated by `scipy.integrate.solve_ivp`."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from landscape.core import Array, Domain, Scalar, checks, nonnegative, positive, short
from landscape.methods import BIMAML, HFMAML, MAML, NAL, Method
from landscape.simulator.training.batches import Batches, own_batches
from landscape.simulator.training.counting import Count
from landscape.simulator.training.directions import Options, inner_steps
from landscape.simulator.training.history import History, Recorder
from landscape.simulator.training.tasks import LossTasks
from landscape.simulator.training.train import Stepper, looked_at_step

MOST = 50_000
"""Evaluations of the right-hand side; smooth losses take some hundreds."""

SHORTEST = 1e-20
"""Time to integrate for, at least: LSODA finds no first step far below."""


def ode(
    tasks: LossTasks,
    method: Method,
    start: Scalar,
    times: Scalar,
    *,
    alpha: float | None = None,
    rtol: float = 1e-9,
    atol: float = 1e-11,
    most: int = MOST,
) -> History:
    r"""Integrate the gradient flow of a method: for MAML the MAML ODE of Xu et al., for BI-MAML their Algorithm 1, latched.

    Parameters
    ----------
    tasks : LossTasks
    method : NAL, MAML, FOMAML, Reptile or BIMAML
        With full gradient steps inside.
    start : float or array (d,)
    times : float or array (n,)
        Increasing, from 0 or later.
    alpha : float, optional
        Inner step of the F that is looked at; the method's by default. F is the loss after as many steps as
        the method takes.
    rtol, atol : float
        Tolerances of the solver.
    most : int
        Evaluations of the right-hand side at which to give up.

    Returns
    -------
    History
        With a column ``time``, and no costs.

    Raises
    ------
    ValueError
        If the path diverges, the method draws batches, or the right-hand side jumps: that of BI-MAML that is
        not latched (`flow` solves it on quadratics), and that of losses whose gradient jumps (hinge). A path
        that slides along such a jump would keep the solver busy for ever, so there is a limit on evaluations
        too.

    Examples
    --------
    >>> from landscape import MAML
    >>> from landscape.simulator.training import Quadratic
    >>> tasks = LossTasks([Quadratic(1.0, [1.0, 2.0]), Quadratic(0.1, [0.0, 2.0])])
    >>> ode(tasks, MAML(0.5), start=0.0, times=[0.0, 5.0, 10.0]).points.round(3)
    array([[0.   , 0.   ],
           [0.421, 1.146],
           [0.601, 1.635]])
    """
    _check(tasks, method)
    moments = nonnegative.check_list("times", times)
    if (np.diff(moments) <= 0).any():
        raise ValueError(f"times must be increasing, got {short(moments.tolist())}")
    w = checks.start("start", start, tasks.d)
    tolerances = {"rtol": Domain(1e-13).check("rtol", rtol), "atol": positive.check("atol", atol)}
    inner = inner_steps(method)
    recorder = Recorder(tasks, looked_at_step(alpha, inner), inner.steps)
    end = float(moments[-1])

    def run(method: Method, w: Array, begin: float, event: Callable[..., float] | None = None) -> Any:
        return _integrate(tasks, method, w, (begin, end), event, tolerances, most)

    phases = []
    if isinstance(method, BIMAML):

        def inside(t: float, w: Array) -> float:
            return float(np.linalg.norm(tasks.pooled_gradient(w))) - method.threshold

        inside.terminal = True  # type: ignore[attr-defined]
        if inside(0, w) >= 0:
            phases.append(("pooled", run(NAL(), w, 0.0, inside)))
            w = phases[-1][1].y[:, -1]
        if not phases or phases[-1][1].status == 1:
            phases.append(("MAML", run(MAML(method.adaptation), w, phases[-1][1].t[-1] if phases else 0.0)))
    else:
        phases.append((method.label, run(method, w, 0.0)))
    for t in moments:
        name, out = next((p for p in phases if t <= p[1].t[-1]), phases[-1])
        recorder.add("time", float(t), out.sol(t), name)
    return recorder.history(method, None)


def _check(tasks: LossTasks, method: Method) -> None:
    """Refuse what has no ODE."""
    checks.instance("tasks", tasks, LossTasks)
    checks.instance("method", method, Method)
    rough = next((type(loss).__name__ for loss in tasks.losses if math.isinf(loss.smoothness)), None)
    if rough is not None:
        raise ValueError(
            f"the gradient of {rough} jumps, so that it has no ODE: use SquaredHinge or Logistic, or train()"
        )
    if isinstance(method, HFMAML):
        raise ValueError("HF-MAML's flow is MAML's as its difference gets finer: use MAML(alpha)")
    if own_batches(None, method) != Batches():
        raise ValueError(
            f"ode takes full batches, got m = {method.n2:g}: leave m out, or use flow() on quadratics"
        )
    if isinstance(method, BIMAML) and not method.latched:
        raise ValueError(
            "BI-MAML that is not latched has a right-hand side that jumps: use flow() on quadratics, or train()"
        )


def _integrate(
    tasks: LossTasks,
    method: Method,
    w: Array,
    span: tuple[float, float],
    event: Callable[..., float] | None,
    tolerances: dict[str, float],
    most: int,
) -> Any:
    """The solver's result from one time to another, or to the event."""
    from scipy.integrate import solve_ivp  # optional: importing it takes 0.3 s

    stepper = Stepper(tasks, method, Batches(), Options(True, None, 0.0), np.random.default_rng(0), Count())
    left = iter(range(most))

    def velocity(t: float, w: Array) -> Array:
        if next(left, None) is None:
            raise ValueError(
                f"the solver took {most:,} evaluations to get to time {t:.4g} of {span[1]:.4g}: the gradient of F jumps there "
                "(losses with kinks) or is very steep; take a larger rtol, shorter times, a smaller alpha or smoother losses, "
                "or train()"
            )
        return -stepper(w)

    with np.errstate(over="ignore", invalid="ignore"):
        out = solve_ivp(
            velocity, (span[0], max(span[1], span[0], SHORTEST)), w, events=event, dense_output=True,
            method="LSODA" if tasks.d <= 50 else "RK45", **tolerances,
        )  # fmt: skip
    if not out.success or not np.isfinite(out.y).all():
        raise ValueError(
            f"the solver stopped at time {out.t[-1]:.3g} ({out.message}): the path diverges; take a smaller alpha"
        )
    return out
