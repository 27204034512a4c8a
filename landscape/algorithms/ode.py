"""Continuous-time limits of training on any losses, integrated by `scipy.integrate.solve_ivp`."""

import math

import numpy as np

from landscape import checks
from landscape.algorithms.batches import Batches
from landscape.algorithms.counting import Count
from landscape.algorithms.history import Recorder
from landscape.algorithms.train import Options, Stepper, own_batches
from landscape.losses import LossTasks
from landscape.methods import BIMAML, HFMAML, MAML, NAL, Method
from landscape.methods.base import check_reach

MOST = 50_000  # evaluations of the right-hand side; smooth losses take some hundreds
SHORTEST = 1e-20  # time to integrate for, at least: LSODA finds no first step far below


def ode(tasks, method, start, times, *, alpha=None, rtol=1e-9, atol=1e-11):
    r"""The gradient flow of a method: for MAML the MAML ODE of Xu et al., for BI-MAML their Algorithm 1, latched.

    Parameters
    ----------
    tasks : LossTasks
    method : NAL, MAML, FOMAML, Reptile or BIMAML
    start : float or array (d,)
    times : float or array (n,)
        Increasing, from 0 or later.
    alpha : float, optional
        Inner step of the F that is looked at; the method's by default. F is the loss after as many steps as the method takes.
    rtol, atol : float
        Tolerances of the solver.

    Returns
    -------
    History
        With a column ``time``, and no costs.

    Raises
    ------
    ValueError
        If the path diverges, the method draws batches, or the right-hand side jumps: that of BI-MAML that is not latched (`flow`
        solves it on quadratics), and that of losses whose gradient jumps (hinge). A path that slides along such a jump
        would keep the solver busy for ever, so there is a limit on evaluations too.

    Examples
    --------
    >>> tasks = LossTasks([losses.Quadratic(1.0, [1.0, 2.0]), losses.Quadratic(0.1, [0.0, 2.0])])
    >>> ode(tasks, MAML(0.5), start=0.0, times=[0.0, 5.0, 10.0]).points.round(3)
    array([[0.   , 0.   ],
           [0.421, 1.146],
           [0.601, 1.635]])
    """
    from scipy.integrate import solve_ivp

    checks.instance("tasks", tasks, LossTasks)
    method = checks.instance("method", method, Method).resolved
    rough = next((type(loss).__name__ for loss in tasks.losses if math.isinf(loss.smoothness)), None)
    if rough is not None:
        raise ValueError(
            f"the gradient of {rough} jumps, so that it has no ODE: use SquaredHinge or Logistic, or train()"
        )
    if isinstance(method, HFMAML):
        raise ValueError("HF-MAML's flow is MAML's as its difference gets finer: use MAML(alpha)")
    if own_batches(None, method) != Batches():
        raise ValueError(
            f"ode takes full batches, got n2 = {method.n2:g}: leave n2 out, or use flow() on quadratics"
        )
    times = checks.numbers("times", times, at_least=0)
    if (np.diff(times) <= 0).any():
        raise ValueError(f"times must be increasing, got {checks.short(times.tolist())}")
    w = checks.start("start", start, tasks.d)
    rtol, atol = checks.number("rtol", rtol, at_least=1e-13), checks.number("atol", atol, above=0)
    alpha = checks.number("alpha", getattr(method, "alpha", 0.0) if alpha is None else alpha)
    for step in (alpha, getattr(method, "alpha", 0.0)):
        check_reach(step, getattr(method, "steps", 1))
    recorder = Recorder(tasks, alpha, getattr(method, "steps", 1))
    if isinstance(method, BIMAML) and not method.latched:
        raise ValueError(
            "BI-MAML that is not latched has a right-hand side that jumps: use flow() on quadratics, or train()"
        )

    def run(method, w, begin, event=None):
        stepper = Stepper(
            tasks, method, Batches(), Options(True, None, 0.0), np.random.default_rng(0), Count()
        )
        left = iter(range(MOST))

        def velocity(t, w):
            if next(left, None) is None:
                raise ValueError(
                    f"the solver took {MOST:,} evaluations to get to time {t:.4g} of {times[-1]:.4g}: the gradient of F jumps there "
                    "(losses with kinks) or is very steep; take a larger rtol, shorter times, a smaller alpha or smoother losses, or train()"
                )
            return -stepper(w)

        with np.errstate(over="ignore", invalid="ignore"):
            out = solve_ivp(
                velocity, (begin, max(times[-1], begin, SHORTEST)), w, events=event, dense_output=True, rtol=rtol, atol=atol,
                method="LSODA" if tasks.d <= 50 else "RK45",
            )  # fmt: skip
        if not out.success or not np.isfinite(out.y).all():
            raise ValueError(
                f"the solver stopped at time {out.t[-1]:.3g} ({out.message}): the path diverges; take a smaller alpha"
            )
        return out

    phases = []
    if isinstance(method, BIMAML):

        def inside(t, w):
            return np.linalg.norm(tasks.pooled_gradient(w)) - method.threshold

        inside.terminal = True  # type: ignore[attr-defined]
        if inside(0, w) >= 0:
            phases.append(("pooled", run(NAL(), w, 0.0, inside)))
            w = phases[-1][1].y[:, -1]
        if not phases or phases[-1][1].status == 1:
            phases.append(("MAML", run(MAML(method.alpha), w, phases[-1][1].t[-1] if phases else 0.0)))
    else:
        phases.append((method.label, run(method, w, 0.0)))
    for t in times:
        name, out = next((p for p in phases if t <= p[1].t[-1]), phases[-1])
        recorder.add("time", float(t), out.sol(t), name)
    return recorder.history(method, None)
