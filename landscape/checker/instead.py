"""What is wrong, and how it looks in code, where one method came for another."""

from landscape.checker.target import Kind

# where another method was wanted: what is wrong, and how it looks in code
INSTEAD: dict[Kind, tuple[str, str]] = {
    Kind.MAML: (
        "full MAML",
        "the chain rule goes through the inner step (create_graph=True), on the very batch of the step",
    ),
    Kind.INDEPENDENT: (
        "Hessian on another batch",
        "the Hessian in I - alpha H is taken on samples that no gradient uses (Fallah et al., eq. (5))",
    ),
    Kind.DEPENDENT: (
        "Hessian on another batch, not an independent one",
        "the Hessian in I - alpha H is not that of the inner step, yet shares samples with one of the gradients: this is neither "
        "MAML nor MAML with an independent Hessian, which needs a batch, or half of one, to itself",
    ),
    Kind.FIRST_ORDER: (
        "detached graph",
        "no create_graph=True in the inner torch.autograd.grad, a .detach() or .data in the inner step, first_order=True "
        "(learn2learn), track_higher_grads=False (higher), stop_gradient (JAX, TensorFlow)",
    ),
    Kind.REPTILE: (
        "displacement for gradient",
        "the result is the way from w to the adapted point; no outer loss is used",
    ),
    Kind.PLAIN: (
        "no inner step",
        "the outer loss is computed with the initial parameters: the adapted ones are not passed on",
    ),
    Kind.ZERO: (
        "no gradient reaches w",
        "the model was copied before the loss was computed (higher: copy_initial_weights=True), or the gradient is that of "
        "parameters which the loss does not use",
    ),
    Kind.IMPLICIT: (
        "implicit gradient",
        "the inner problem is solved with a pull to w, and the way back solves with I + H/strength (iMAML)",
    ),
    Kind.PARTIAL: (
        "only some coordinates adapt",
        "the inner step moves the head alone (ANIL): the other parameters are not passed to it, or have requires_grad=False",
    ),
    Kind.MULTI_STEP: (
        "outer losses of all inner steps",
        "the outer loss is computed after each inner step, not after the last (MAML++)",
    ),
}
_WANTED: dict[Kind, str] = {
    Kind.REPTILE: "Reptile takes no outer loss and no chain rule: return w - v (or that over alpha) with v the point after all "
    "inner steps",
    Kind.PLAIN: "pooled training takes no inner step: return the gradient at w itself",
    Kind.FIRST_ORDER: "FO-MAML returns the outer gradient at the adapted point as it is: leave create_graph out, or detach the inner "
    "gradient",
    Kind.IMPLICIT: "iMAML solves (I + H/strength) x = g for the outer gradient g at the solution of the inner problem, with the Hessian of "
    "the inner batch",
    Kind.PARTIAL: "ANIL's inner step moves some coordinates alone, and its result has all of them",
    Kind.INDEPENDENT: "the Hessian in I - alpha H is taken on samples that no gradient uses (Fallah et al., eq. (5))",
    Kind.MULTI_STEP: "MAML++ takes the outer loss after each inner step, with weights that add up to 1",
}


def instead(got: Kind, wanted: Kind) -> tuple[list[str], list[str]]:
    """Say what is wrong, and how it looks, where one method came for another: both have a say in that."""
    if got is wanted:
        return [], []
    bug, look = INSTEAD[got]
    full = wanted in (Kind.MAML, Kind.PER_COORDINATE, Kind.DEPENDENT)
    return [bug], [look if full or got is Kind.ZERO else _WANTED[wanted]]
