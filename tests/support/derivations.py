"""Claims of the ledger, derived once."""

from functools import cache

from landscape.symbolic.claim import Claim, Derivation


@cache
def derived(claim: Claim) -> Derivation:
    """Run a claim's derivation, or look it up."""
    return claim.derive()
