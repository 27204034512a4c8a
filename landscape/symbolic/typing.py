"""What is meant where SymPy, which has no types of its own, leaves `Any`."""

from collections.abc import Mapping
from typing import Any, TypeAlias

Expr: TypeAlias = Any
"""A SymPy expression, a matrix expression among them."""
Relation: TypeAlias = Any
"""A SymPy Boolean: Eq, Ne, Lt, Le, Gt, Ge, And, Implies, Equivalent."""
Values: TypeAlias = Mapping[Any, Any]
"""Symbol -> expression or number."""
