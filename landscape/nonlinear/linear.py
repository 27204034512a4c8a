"""What the linear theory predicts of a nonlinear landscape: each task's Hessian at its teacher, as a task of linear regression."""

from landscape.environment import Environment
from landscape.families import TaskFamily
from landscape.nonlinear.environment import check_nonlinear


def linearised(environment):
    """The environment of linear tasks that have the same optima and the same curvature there.

    Parameters
    ----------
    environment : NonlinearEnvironment

    Returns
    -------
    Environment
        In d' = M d dimensions, coordinates in the order of ``W.ravel()``; then `optimum`, `risk` and `gain` say what the linear theory
        expects. Neurons are taken in the order given: a teacher with its neurons in another order is another optimum.

    Examples
    --------
    >>> hard, easy = NeuronTask("hard", [1.0, 1.0], covariance=0.5), NeuronTask("easy", [-1.0, 0.5])
    >>> linear = linearised(NonlinearEnvironment([hard, easy]))
    >>> optimum(linear, MAML(1.5)).round(3).tolist()
    [0.088, 0.732]
    """
    check_nonlinear(environment)
    return Environment(
        [
            TaskFamily(
                task.name,
                task.hessian(task.teacher),
                task.teacher.ravel(),
                0.0,
                p,
                getattr(task, "noise", 0.0),
            )
            for task, p in zip(environment.tasks, environment.probabilities, strict=True)
        ]
    )
