"""What a claim is: statements as a paper prints them, and the derivation that decides them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from landscape.symbolic.notation import sentence


class Verdict(StrEnum):
    """What a statement turns out to be, from best to worst."""

    HOLDS = "holds"
    CONSERVATIVE = "conservative"
    CORRECTED = "holds as corrected"
    NOT_APPLICABLE = "not applicable"
    FAILS = "fails"


@dataclass(frozen=True)
class Statement:
    """A sentence of a paper with its formula as a SymPy relation: what is read is what is decided.

    Attributes
    ----------
    name : str
        Short, unique within the claim.
    sentence : str
        Markdown with inline LaTeX; its slot ``{}`` is filled by the relation (appended where there is no slot).
    relation : sympy Boolean
        Eq, Ne, Lt, Le, Gt, Ge, And, Implies, Equivalent; limits unevaluated.
    given : tuple of sympy Boolean
        For which values: besides the symbols' own assumptions. They are shown after the sentence.
    assumption : bool
        Whether the paper assumes this. One that is not met makes the claim not applicable, rather than wrong.
    """

    name: str
    sentence: str
    relation: object
    given: tuple = ()
    assumption: bool = False

    def markdown(self):
        """The statement as a paper would print it."""
        text = sentence(self.sentence, self.relation)
        return f"{text} for ${self._given()}$".replace("$$ for", "$$\n\nfor") if self.given else text

    def _given(self):
        from landscape.symbolic.notation import latex

        return r",\ ".join(latex(relation) for relation in self.given)

    def _repr_markdown_(self):
        return self.markdown()


@dataclass(frozen=True)
class Step:
    """A step of a derivation: a sentence and the formula that was computed."""

    sentence: str
    formula: object = None

    def _repr_markdown_(self):
        return sentence(self.sentence, self.formula)


@dataclass(frozen=True, eq=False, repr=False)
class Derivation:
    """What a derivation returns.

    Attributes
    ----------
    steps : list of Step
    quantities : dict
        What each named quantity of the printed statements is, as derived: symbol -> expression.
    corrections : dict
        Statement's name -> the relation that holds in its place, or a `Statement` where the words change too. Of a statement that
        holds it is the sharp form, which makes the printed one conservative.
    instead : dict
        The same for statements that cannot be repaired: what is true instead.
    tight : dict
        Inequality's name -> {symbol: value or limit} where both sides agree in ratio: what makes it sharp.
    witness : dict
        Statement's name -> {symbol: value} at which to look for a counterexample first.
    reason : str
        For the authors: two lines on what is wrong.
    numerical : bool
        Whether only numbers decide.
    """

    steps: list
    quantities: dict = field(default_factory=dict)
    corrections: dict = field(default_factory=dict)
    instead: dict = field(default_factory=dict)
    tight: dict = field(default_factory=dict)
    witness: dict = field(default_factory=dict)
    reason: str = ""
    numerical: bool = False


@dataclass(frozen=True, repr=False)
class Claim:
    """A claim of a paper; made by the decorator `claim`, which wraps its derivation."""

    id: str
    source: str
    title: str
    statements: tuple
    derive: Callable

    def __repr__(self):
        return f"<claim {self.id}: {self.title}>"

    def _repr_markdown_(self):
        parts = [f"**{self.id}** ({self.source}): {self.title}"]
        return "\n\n".join(parts + [statement.markdown() for statement in self.statements])


def claim(id, source, title, *statements):
    """Decorate the function that derives a claim: ``@claim("L-aH", "[L] section 3.1", "...", Statement(...))``."""
    names = [statement.name for statement in statements]
    if not statements or len(set(names)) < len(names):
        raise ValueError(f"claim {id} needs statements with names that differ, got {names}")
    return lambda derive: Claim(id, source, title, statements, derive)


def restated(statement, other):
    """A correction as a `Statement`: the printed words with another relation, unless it brings its own words."""
    if other is None or isinstance(other, Statement):
        return other
    return replace(statement, relation=other)
