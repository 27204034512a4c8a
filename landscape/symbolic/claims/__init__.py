"""The claims, one file for each theme of a paper.

A file of this folder may hold any number of objects made by the decorator `claim`; that is all it takes
to register them.
"""

from landscape.core.plugins import import_all
from landscape.symbolic.claim import Claim


def claims() -> dict[str, Claim]:
    """Return all claims by id: those of one paper together, in the order of their files."""
    out: dict[str, Claim] = {}
    for module in import_all(__name__, __path__):
        for claim in vars(module).values():
            if isinstance(claim, Claim):
                if claim.id in out:
                    raise ValueError(f"two claims have the id {claim.id}")
                out[claim.id] = claim
    order = ["L", "F", "C"]
    return dict(sorted(out.items(), key=lambda item: order.index(item[0][0])))
