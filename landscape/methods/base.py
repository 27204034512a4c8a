"""What every method offers."""

from landscape import checks
from landscape.record import Record

# c in the step size 1/(c L(w)) of Fallah et al., Theorems 4.12, 4.15 and 4.17
STEP_DIVISORS = {"MAML": 12, "FO-MAML": 18, "HF-MAML": 25}


class Method(Record):
    """Base of all methods. `A` below is the weight a method gives a task; see each class."""

    label = "?"
    weight_latex = "?"
    n2: object = None  # inner batch, for methods that are tied to one
    batch: int | None = None  # tasks within which weights are normalised, for methods that do so
    _wanted = "a method, for example NAL() or MAML(alpha)"  # in messages

    @property
    def resolved(self):
        """The method itself, with nothing left to be taken from elsewhere."""
        return self

    def following(self, adaptation):
        """The method after the adaptation was changed by a sweep; most do not follow."""
        return self

    def quadratic(self, inputs):
        """The quadratic whose gradient is the task's mean meta-gradient."""
        raise TypeError(f"{type(self).__name__} is not a training method")

    def minimises(self, adaptation):
        """Whether the method's loss is the risk after that very adaptation."""
        return False

    def shares(self, tasks):
        """How much each task counts: its probability, unless the method weighs tasks itself."""
        return [task.probability for task in tasks]

    def cost(self, d, n1, n2):
        """Gradients, Hessian-vector products and samples that one task costs an iteration."""
        raise TypeError(f"{type(self).__name__} is not a training method")

    def _repr_latex_(self):
        return rf"$\text{{{self.label}}}:\ A = {self.weight_latex}$"


def as_methods(methods):
    """A list of methods from one method or several."""
    if isinstance(methods, (Method, type, str)):
        methods = [checks.instance("methods", methods, Method)]
    try:
        methods = list(methods)
    except TypeError:
        raise TypeError(
            f"methods must be {Method._wanted}, or a list of them, got {checks.short(methods)}"
        ) from None
    if not methods:
        raise ValueError("methods must hold at least one Method, got none")
    return [checks.instance("each of methods", method, Method) for method in methods]


def step_size(value):
    """A checked inner step size."""
    return checks.number("alpha", value, grid=True)


def check_reach(alpha, steps):
    """Refuse inner steps so large that the loss after them overflows."""
    if steps and abs(alpha) > checks.LARGEST ** (1 / steps):
        raise ValueError(
            f"alpha must be at most {checks.LARGEST ** (1 / steps):.3g} in size for {steps} inner steps, got {alpha:g}"
        )


def step_count(value):
    """A checked number of inner steps."""
    return checks.number("steps", value, at_least=1, at_most=checks.MOST_STEPS, whole=True)


def cost_row(gradients, hessian_vector_products, samples):
    """What one task costs an iteration, as columns."""
    return {"gradients": gradients, "hessian_vector_products": hessian_vector_products, "samples": samples}


def inner_batch(method):
    """The checked n2 of a method that may do without one, unless its steps share a batch."""
    checks.known("batches", method.batches, ["fresh", "same"])
    if method.n2 is None:
        if method.batches == "same" and method.steps > 1:
            raise ValueError('batches="same" needs n2, the size of the batch that all inner steps share')
        return None
    return checks.number("n2", method.n2, at_least=1, whole=True, infinite=True, grid=True)


def batch_count(method):
    """How many inner batches a task takes."""
    return 1 if method.batches == "same" else method.steps
