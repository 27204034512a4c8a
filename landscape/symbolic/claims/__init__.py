"""The claims, one file for each theme of a paper.

A file of this folder (without a leading underscore) may hold any number of objects made by the decorator `claim`; that is all it takes
to register them.
"""

import pkgutil
from importlib import import_module


def claims():
    """All claims by id: those of one paper together, in the order of their files."""
    from landscape.symbolic.claim import Claim

    out: dict = {}
    for name in sorted(
        module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")
    ):
        for claim in vars(import_module(f"{__name__}.{name}")).values():
            if isinstance(claim, Claim):
                if claim.id in out:
                    raise ValueError(f"two claims have the id {claim.id}")
                out[claim.id] = claim
    order = ["L", "F", "C"]
    return dict(sorted(out.items(), key=lambda item: order.index(item[0][0])))
