"""What a claim is: statements as a paper prints them, and the derivation that decides them."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from enum import StrEnum
from typing import Any

from landscape.core import Record, record
from landscape.symbolic.notation import latex, sentence
from landscape.symbolic.typing import Expr, Relation, Values


class Kind(StrEnum):
    """Whose statement it is: only what a paper prints sets its claim's verdict."""

    QUOTED = "quoted"
    IMPLIED = "implied"
    OURS = "ours"


class Weight(StrEnum):
    """How much a slip matters, from most to least."""

    RESULT = "changes a result"
    CONSTANT = "changes a constant or a condition"
    WORDING = "typographical, or a matter of wording"


class Verdict(StrEnum):
    """What a statement turns out to be, from best to worst."""

    HOLDS = "holds"
    CONSERVATIVE = "conservative"
    UNDECIDED = "undecided"
    CORRECTED = "holds as corrected"
    NOT_APPLICABLE = "not applicable"
    FAILS = "fails"


@record
class Quote(Record):
    """Where a paper prints a statement, and what is found there in its text.

    Attributes
    ----------
    place : str
        For example ``"section 3.1, (9)"``.
    words : str
        As printed; an ellipsis ... joins parts.
    scan : str
        A formula, or a part of one, as the machine that made the text read it.
    character : bool
        Whether the statement hangs on a digit, an exponent, a sign or a root in that reading.
    texts : int
        In how many machine-made texts of the paper it was found.
    """

    place: str
    words: str = ""
    scan: str = ""
    character: bool = False
    texts: int = 1

    def parts(self) -> list[str]:
        """List what must be found in the paper's text."""
        return [
            part.strip() for text in (self.words, self.scan) for part in text.split("...") if part.strip()
        ]


@record
class Hypothesis(Record):
    """An assumption of a theorem, and the relation that says that a counterexample meets it."""

    words: str
    relation: Relation


@record
class Statement(Record):
    """A sentence of a paper with its formula as a SymPy relation: what is read is what is decided.

    Attributes
    ----------
    name : str
        Short, unique within the claim.
    sentence : str
        Markdown with inline LaTeX; its slot ``{}`` is filled by the relation (appended where there is no
        slot).
    relation : sympy Boolean
        Eq, Ne, Lt, Le, Gt, Ge, And, Implies, Equivalent; limits unevaluated.
    given : tuple of sympy Boolean
        For which values: besides the symbols' own assumptions. They are shown after the sentence.
    assumption : bool
        Whether the paper assumes this. One that is not met makes the claim not applicable, rather than wrong.
    quote : Quote, optional
        Of a statement that a paper prints.
    why : str
        Of one that it needs or uses without printing it: what for. A statement with neither is a question of
        our own, and must hold.
    """

    name: str
    sentence: str
    relation: Relation
    given: tuple[Relation, ...] = ()
    assumption: bool = False
    quote: Quote | None = None
    why: str = ""

    @property
    def kind(self) -> Kind:
        """Quoted, implied or ours."""
        if self.quote is not None:
            return Kind.QUOTED
        return Kind.IMPLIED if self.why else Kind.OURS

    def markdown(self) -> str:
        """Write the statement as a paper would print it."""
        text = sentence(self.sentence, self.relation)
        if not self.given:
            return text
        conditions = r",\ ".join(latex(relation) for relation in self.given)
        return f"{text} for ${conditions}$".replace("$$ for", "$$\n\nfor")

    def _repr_markdown_(self) -> str:
        return self.markdown()


@record
class Step(Record):
    """A step of a derivation: a sentence and the formula that was computed."""

    sentence: str
    formula: Expr = None

    def _repr_markdown_(self) -> str:
        return sentence(self.sentence, self.formula)


@record
class Derivation(Record):
    """What a derivation returns.

    Attributes
    ----------
    steps : list of Step
    quantities : dict
        What each named quantity of the printed statements is, as derived: symbol -> expression.
    corrections : dict
        Statement's name -> the relation that holds in its place, or a `Statement` where the words change too.
        Of a statement that holds it is the sharp form, which makes the printed one conservative.
    instead : dict
        The same for statements that cannot be repaired: what is true instead.
    tight : dict
        Inequality's name -> {symbol: value or limit} where both sides agree in ratio: what makes it sharp.
    witness : dict
        Statement's name -> {symbol: value} at which to look for a counterexample first.
    hypotheses : dict
        Of a quoted statement that fails: its name -> the theorem's hypotheses, each with the relation that the
        counterexample meets; an empty list where there are none.
    undecided : dict
        Statement's name -> what would decide it.
    weights : dict
        Name of a quoted statement that is corrected or fails -> how much that matters.
    reason : str
        For the authors: two lines on what is wrong.
    numerical : bool
        Whether only numbers decide.
    """

    steps: list[Step]
    quantities: dict[Expr, Expr] = field(default_factory=dict)
    corrections: Mapping[str, Statement | Relation] = field(default_factory=dict)
    instead: Mapping[str, Statement | Relation] = field(default_factory=dict)
    tight: Mapping[str, Values] = field(default_factory=dict)
    witness: Mapping[str, Values] = field(default_factory=dict)
    hypotheses: Mapping[str, Sequence[Hypothesis]] = field(default_factory=dict)
    undecided: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, Weight] = field(default_factory=dict)
    reason: str = ""
    numerical: bool = False


@record
class Claim(Record):
    """A claim of a paper; made by the decorator `claim`, which wraps its derivation."""

    id: str
    source: str
    title: str
    statements: tuple[Statement, ...]
    derive: Callable[[], Derivation]

    def __repr__(self) -> str:
        return f"<claim {self.id}: {self.title}>"

    def __reduce__(self) -> Any:
        """Pickle by where it is found: the name of its derivation now stands for the claim."""
        return _found, (self.derive.__module__, self.derive.__qualname__)

    def _repr_markdown_(self) -> str:
        parts = [f"**{self.id}** ({self.source}): {self.title}"]
        return "\n\n".join(parts + [statement.markdown() for statement in self.statements])


def _found(module: str, name: str) -> Any:
    __import__(module)
    return getattr(sys.modules[module], name)


def claim(
    id: str, source: str, title: str, *statements: Statement
) -> Callable[[Callable[[], Derivation]], Claim]:
    """Decorate the function that derives a claim: ``@claim("L-aH", "[L] section 3.1", "...", ...)``."""
    names = [statement.name for statement in statements]
    if not statements or len(set(names)) < len(names):
        raise ValueError(f"claim {id} needs statements with names that differ, got {names}")
    if all(statement.kind != Kind.QUOTED for statement in statements):
        raise ValueError(f"claim {id} needs a statement that the paper prints: give one of {names} a quote")
    return lambda derive: Claim(id, source, title, statements, derive)


def restated(statement: Statement, other: Statement | Relation | None) -> Statement | None:
    """Write a correction as a `Statement`: its formula alone, unless it brings its own words."""
    if other is None or isinstance(other, Statement):
        return other
    return replace(statement, relation=other, sentence="{}")
