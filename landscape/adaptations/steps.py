"""What gradient steps have in common, whatever their size: how many, and on which samples."""

from landscape.adaptations.base import Adaptation, AdaptationCost, is_full
from landscape.core.errors import BY_DRAWING, NoClosedForm
from landscape.linalg.operators import Operator
from landscape.tasks.inputs import Moments


class Steps(Adaptation, register=False):
    """Gradient steps of any kind, each on m fresh samples or all on one batch: what does not depend on the step size."""

    steps: int
    batches: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps <= 1:
            self._set(batches="fresh")  # one step has one batch

    def _shares_batch(self, moments: Moments) -> bool:
        """Whether the steps are dependent: then only Gaussian inputs have an exact formula."""
        if self.batches == "fresh" or is_full(self.m):
            return False
        if not moments.is_gaussian:
            raise NoClosedForm(
                'batches="same" with several steps is exact for Gaussian inputs only: for data tasks use batches="fresh"; '
                + BY_DRAWING
            )
        return True

    def polynomial(self) -> tuple[int, Operator | None]:
        return 0 if self.batches == "fresh" or is_full(self.m) else 2 * self.steps, getattr(
            self, "operator", None
        )

    @property
    def mean_needs_m(self) -> bool:
        return self.batches == "same"

    @property
    def factors(self) -> int:
        return self.steps

    def cost(self, d: int) -> AdaptationCost:
        return AdaptationCost(self.steps, 0, self.steps, 1 if self.batches == "same" else self.steps)
