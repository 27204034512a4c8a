"""Small faults that can be planted into a source text: one changed operator, comparison, constant, condition or call.

Nothing is changed in texts (docstrings, messages, representations), annotations, or the `typical` values of parameters,
which only tests draw.
"""

import ast
from dataclasses import dataclass

ARITHMETIC = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.Pow: "*",
    ast.FloorDiv: "/",
    ast.Mod: "*",
}
COMPARISONS = {
    ast.Lt: ("<=", ">="), ast.LtE: ("<", ">"), ast.Gt: (">=", "<="), ast.GtE: (">", "<"), ast.Eq: ("!=",), ast.NotEq: ("==",),
    ast.Is: ("is not",), ast.IsNot: ("is",), ast.In: ("not in",), ast.NotIn: ("in",),
}  # fmt: skip
CALLS = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "any": "all", "all": "any", "zeros": "ones",
         "sum": "prod", "mean": "sum", "argmin": "argmax", "argmax": "argmin", "floor": "ceil", "ceil": "floor"}  # fmt: skip
WITHOUT = {"sqrt", "abs", "exp", "log", "square", "sorted", "conj", "cumsum"}
TEXTS = {"__repr__", "__str__", "_repr_html_", "_repr_latex_", "_repr_pretty_", "headline"}
NOT_VALUES = {"typical", "label", "symbol", "instead", "stacklevel", "strict"}


@dataclass(frozen=True)
class Mutant:
    """One fault: where it stands, what it replaces by what, and the function to put it into (None: the module)."""

    operator: str
    line: int
    column: int
    before: str
    after: str
    span: tuple[int, int]
    lines: frozenset[int]  # a test that executes one of them may notice
    function: str | None
    first_line: int | None

    def planted(self, source: bytes) -> bytes:
        """Return the source with the fault in it."""
        start, stop = self.span
        return source[:start] + self.after.encode() + source[stop:]

    def shown(self, source: bytes) -> tuple[str, str]:
        """Return the line or lines that are changed, before and after, as they stand in the table."""
        start = source.rfind(b"\n", 0, self.span[0]) + 1
        end = source.find(b"\n", self.span[1])
        whole = source[start:end]
        faulty = source[start : self.span[0]] + self.after.encode() + source[self.span[1] : end]
        return " ".join(whole.decode().split()), " ".join(faulty.decode().split())


class Planter(ast.NodeVisitor):
    """Walks through a module and collects the mutants of each expression."""

    def __init__(self, source: bytes):
        self.source, self.found = source, []
        self.statement = self.function = None
        self.path = []
        self.starts = [0]
        for line in source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))
        self.visit(ast.parse(source))

    def span(self, node):
        return (
            self.starts[node.lineno - 1] + node.col_offset,
            self.starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def text(self, node):
        start, stop = self.span(node)
        return self.source[start:stop].decode()

    def add(self, operator, node, after, within=None):
        start, stop = within or self.span(node)
        statement = self.statement
        first, last = node.lineno, node.end_lineno
        if not hasattr(statement, "body"):
            first, last = statement.lineno, statement.end_lineno
        lines = frozenset(range(first, last + 1)) | {statement.lineno}
        inside = self.function is not None and statement is not self.function
        name, line = None, None
        if inside:
            decorated = self.function.decorator_list
            name, line = ".".join(self.path), decorated[0].lineno if decorated else self.function.lineno
        before = self.source[start:stop].decode()
        if before.strip() != after.strip():
            found = Mutant(
                operator, node.lineno, node.col_offset, before, after, (start, stop), lines, name, line
            )
            self.found.append(found)

    def visit(self, node):
        if isinstance(node, ast.stmt):
            self.statement = node
        method = getattr(self, "visit_" + type(node).__name__, None)
        if method is None or method(node) is not False:
            for child in ast.iter_child_nodes(node):
                kept = self.statement
                self.visit(child)
                self.statement = kept

    def visit_Raise(self, node):
        return False

    visit_Assert = visit_JoinedStr = visit_Import = visit_ImportFrom = visit_Raise

    def visit_FunctionDef(self, node):
        named = {getattr(d, "id", getattr(d, "attr", None)) for d in node.decorator_list}
        if node.name in TEXTS or named & {"overload", "abstractmethod"}:
            return False
        outermost = self.function is None
        if outermost:
            self.path.append(node.name)
            self.function = node
        optional = node.args.args[len(node.args.args) - len(node.args.defaults) :]
        pairs = [
            *zip(optional, node.args.defaults, strict=False),
            *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
        ]
        for argument, default in pairs:
            if default is not None and argument.arg not in NOT_VALUES:
                self.visit(default)
        for statement in node.body:
            self.visit(statement)
        if outermost:
            self.path.pop()
            self.function = None
        return False

    def visit_ClassDef(self, node):
        self.path.append(node.name)
        for statement in node.body:
            self.visit(statement)
        self.path.pop()
        return False

    def visit_AnnAssign(self, node):
        if node.value is not None:
            self.visit(node.value)
        return False

    def visit_Expr(self, node):
        if isinstance(node.value, ast.Constant):
            return False
        if isinstance(node.value, ast.Call) and "warn" not in ast.unparse(node.value.func):
            self.add("statement", node, "pass")
        return "warn" not in ast.unparse(node.value)

    def visit_If(self, node):
        if "TYPE_CHECKING" in ast.unparse(node.test):
            return False
        self.condition(node.test)
        return None

    def visit_IfExp(self, node):
        self.condition(node.test)

    def condition(self, test):
        if not isinstance(test, ast.UnaryOp | ast.Compare):
            self.add("condition", test, f"not ({self.text(test)})")

    def visit_comprehension(self, node):
        for test in node.ifs:
            self.add("condition", test, "True")

    def visit_BinOp(self, node):
        left, right, sign = self.text(node.left), self.text(node.right), ARITHMETIC.get(type(node.op))
        between = self.span(node.left)[1], self.span(node.right)[0]
        operator = self.source[slice(*between)].decode()
        if sign and not isinstance(node.left, ast.Constant | ast.JoinedStr):
            old = next(s for s in ("**", "//", "+", "-", "*", "/", "%") if s in operator)
            self.add("arithmetic", node, operator.replace(old, sign, 1), between)
        if isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.MatMult | ast.Div):
            kind = "term dropped" if isinstance(node.op, ast.Add | ast.Sub) else "factor dropped"
            self.add(kind, node, left)
            if not isinstance(node.op, ast.Div):
                self.add(kind, node, right)

    def visit_AugAssign(self, node):
        if sign := ARITHMETIC.get(type(node.op)):
            between = self.span(node.target)[1], self.span(node.value)[0]
            self.add("arithmetic", node, f" {sign}= ", between)

    def visit_Compare(self, node):
        for left, op, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            for other in COMPARISONS[type(op)]:
                self.add("comparison", node, f" {other} ", (self.span(left)[1], self.span(right)[0]))

    def visit_BoolOp(self, node):
        old, new = (" and ", " or ") if isinstance(node.op, ast.And) else (" or ", " and ")
        parts = [self.text(value) for value in node.values]
        if all(self.source[slice(*self.span(v))] != b"" for v in node.values):
            self.add("and, or", node, "(" + new.join(f"({part})" for part in parts) + ")")
        self.add("condition dropped", node, "(" + old.join(f"({part})" for part in parts[:-1]) + ")")
        self.add("condition dropped", node, "(" + old.join(f"({part})" for part in parts[1:]) + ")")

    def visit_UnaryOp(self, node):
        if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
            for value in (node.operand.value - 1, node.operand.value + 1):
                self.add("constant", node, f"-{value}" if value else "0")
            return False
        if isinstance(node.op, ast.USub | ast.Not):
            kind = "minus dropped" if isinstance(node.op, ast.USub) else "not dropped"
            self.add(kind, node, f"({self.text(node.operand)})")
        return None

    def visit_Constant(self, node):
        value = node.value
        if isinstance(value, bool):
            self.add("constant", node, str(not value))
        elif isinstance(value, int):
            self.add("constant", node, str(value + 1))
            self.add("constant", node, str(value - 1) if value else "-1")
        elif isinstance(value, float):
            self.add("constant", node, repr(value * 1.5 if value else 1.0))

    def visit_Attribute(self, node):
        if node.attr == "T":
            self.add("transpose dropped", node, f"({self.text(node.value)})")

    def visit_Return(self, node):
        if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self.add("return", node, "return None")

    def visit_keyword(self, node):
        return node.arg not in NOT_VALUES

    def visit_Call(self, node):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in CALLS and self.text(node.func).endswith(name):
            stop = self.span(node.func)[1]
            self.add("call", node, CALLS[name], (stop - len(name), stop))
        if name in WITHOUT and len(node.args) == 1:
            self.add("call dropped", node, f"({self.text(node.args[0])})")
        arguments = [*node.args, *node.keywords]
        for keyword in node.keywords:
            if keyword.arg and keyword.arg not in NOT_VALUES and len(arguments) > 1:
                kept = ", ".join(self.text(a) for a in arguments if a is not keyword)
                self.add("argument dropped", node, f"{self.text(node.func)}({kept})")
