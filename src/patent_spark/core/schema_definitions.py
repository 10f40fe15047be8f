"""The definitions of schemas.py one by one, without what describes them: a table's grain, a column's meaning.

A stage depends on the tables and constants that it names, not on those of other stages.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from patent_spark.core.module_code import is_text


class SchemaDefinitions:
    """The statements of schemas.py by the names that they define."""

    def __init__(self, source: str) -> None:
        tree = _WithoutDescriptions().visit(ast.parse(source))
        self._statements = {name: node for node in tree.body for name in _defined(node)}

    def code(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """(name, code) of those of the names that are defined here, and of all that they are made of."""
        reached: set[str] = set()
        waiting = self._statements.keys() & set(names)
        while waiting:
            name = waiting.pop()
            reached.add(name)
            waiting |= self._parts(name) - reached
        return [(name, ast.dump(self._statements[name])) for name in sorted(reached)]

    def _parts(self, name: str) -> set[str]:
        nodes = ast.walk(self._statements[name])
        return self._statements.keys() & {node.id for node in nodes if isinstance(node, ast.Name)}


def _defined(statement: ast.stmt) -> list[str]:
    """Names that a top-level statement defines."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.AnnAssign):
        targets: list[ast.expr] = [statement.target]
    else:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
    return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]


class _WithoutDescriptions(ast.NodeTransformer):
    """Takes out docstrings, the third part of a column, (name, type, meaning), and of a call of `_table`, its
    grain."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if is_text(node) else node

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        self.generic_visit(node)
        if len(node.elts) == 3 and isinstance(node.elts[1], ast.Call) and _is_string(node.elts[0]):
            node.elts.pop()
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "_table":
            del node.args[2]
        return node


def _is_string(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
