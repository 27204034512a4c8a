"""The linear theory of a nonlinear landscape: each task's Hessian at its teacher, as a task of regression."""

from landscape.nonlinear.environment import NonlinearEnvironment, check_nonlinear
from landscape.tasks import Mixture, TaskFamily


def linearised(environment: NonlinearEnvironment) -> Mixture:
    """Make the environment of linear tasks that have the same optima and the same curvature there.

    Parameters
    ----------
    environment : NonlinearEnvironment

    Returns
    -------
    Mixture
        In d' = M d dimensions, coordinates in the order of ``W.ravel()``; then `optimum`, `risk` and `gain`
        say what the linear theory expects. Neurons are taken in the order given: a teacher with its neurons
        in another order is another optimum.

    Raises
    ------
    TypeError
        If `environment` is none.

    Examples
    --------
    >>> from landscape import MAML, NeuronTask, NonlinearEnvironment, optimum
    >>> hard, easy = NeuronTask("hard", [1.0, 1.0], covariance=0.5), NeuronTask("easy", [-1.0, 0.5])
    >>> linear = linearised(NonlinearEnvironment([hard, easy]))
    >>> optimum(linear, MAML(1.5)).round(3).tolist()
    [0.088, 0.732]
    """
    environment = check_nonlinear(environment)
    families = (
        TaskFamily(t.name, t.hessian(t.teacher), t.teacher.ravel(), probability=p, noise=t.label_noise)
        for t, p in zip(environment.tasks, environment.probabilities, strict=True)
    )
    return Mixture(tuple(families))
