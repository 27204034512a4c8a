"""The ledger: every claim of the three papers, derived again from first principles and decided.

Nothing here imports the package's numeric formulas. ``landscape.symbolic.claims`` holds the claims, one file
for each theme. How one writes a claim::

    @claim("L-aH", "[L] section 3.1", "the weights at alpha = 1/rho_E",
        Statement("hard", r"Setting $\\alpha = 1/\\rho_E$ yields {}", Eq(a_H, ...), given=(rho_H < rho_E,),
            quote=Quote("section 3.1", "natural choice of", "aH=ρH(1−")),
    )
    def weights_at_natural_step():
        ...
        return Derivation(
            steps=[Step("words {}", formula), ...],
            quantities={a_H: derived},
            corrections={"hard": Eq(a_H, ...)},
            weights={"hard": Weight.WORDING},
            reason="two lines to the authors",
        )

* There are three kinds of statement. One with a `Quote` is printed by the paper: the quote has the place, and
  words or a formula as they stand in the paper's text, which a test looks up where the texts are at hand. One
  with ``why=`` is implied: the paper needs or uses it. One with neither is a question of our own, and must
  hold. Only quoted statements set the claim's verdict, and each claim needs one.
* A *statement* is a sentence of the paper with its formula as a SymPy relation, in the slot ``{}``: what is
  read is what is decided. The relation speaks of named quantities (symbols made by `quantity`, which takes a
  LaTeX form) and of plain symbols (`positive`); `quantities` of the derivation says what each of the former
  is, derived. So a printed "(9) E_m = ..." is an `Eq`, "always at least as well" a `Ge`, "a_H > a_E iff ..."
  an `Equivalent`, a limit ``Eq(Limit(gain, m, oo), ...)``. Matrices are MatrixSymbols of size (d, d).
* A relation is refuted at exact rational points, or proved for all values of its symbols (`given` restricts
  them; each condition has a symbol alone on one side). Where neither succeeds `Undecided` is raised. Numbers
  are relations like any other, with the computed number as the quantity's value (exact, or an interval
  written as two inequalities) and ``numerical=True``.
* An expansion is judged as an expansion (state its order), "much greater" as what it can mean.
* The verdict is computed (see `judge`). Valid: *holds*; valid, but the derivation gives a sharper
  `corrections` entry: *conservative*. False: with a valid entry of `corrections`, *holds as corrected*;
  ``assumption=True``: *not applicable* (put the restricted version into `corrections` or `instead`); else
  *fails*: `instead` says what is true, and `hypotheses` lists what the theorem assumes as relations, which are
  decided at the counterexample. `undecided` says what would decide a statement that is left open. `weights`
  says how much it matters that a quoted statement does not hold as printed. The correction is itself decided. A claim's verdict is that of its
  worst statement, so split what a paper says into statements that deserve verdicts of their own.
* An inequality (Lt, Le, Gt, Ge) that holds, and a sharp form of one, needs an entry of `tight`: ``{"name":
  {symbol: value}}`` (or the limits 0, oo) where the ratio of both sides is 1. Else true but weaker mutants
  could not be told from it.
* `witness` of the derivation gives values at which a counterexample is looked for first, where random points
  would miss it.
* Mutants (`mutants`) alter the relation that is accepted: a coefficient, a sign, an exponent, a symbol. Each
  must be refuted, or be seen not to be tight. The tests do so for every claim; nothing has to be written for
  it.
* Gaussian moments come from `wick.expected_word` (any number of S = X'X/n, symbolic n and d), the risk after
  a step from `risk`.

The verdicts on record are in data/verdicts.csv: a row with the claim's id and its statements' kinds and verdicts, as
``Entry.verdicts`` gives them.
"""

from landscape.symbolic.ledger import Ledger, verify

__all__ = ["Ledger", "verify"]
