"""What a module does and what it names, read from its source in one pass.

The pass runs at the start of every stage, so it is written for speed: ast.walk, ast.dump and a
NodeTransformer after each other took twice as long.
"""

from __future__ import annotations

import ast
import functools
from dataclasses import dataclass, field


@dataclass
class ModuleCode:
    """A module without comments, docstrings, formatting, and what only a type checker runs."""

    statements: list[str] = field(default_factory=list)
    """The nodes of its syntax tree and their values, in order."""
    modules: set[str] = field(default_factory=set)
    """Names of modules that it imports as a whole, and all other strings that could be one."""
    imported: set[tuple[str, str]] = field(default_factory=set)
    """(module, name) of names that it imports from a module."""
    names: set[str] = field(default_factory=set)
    """Names that it may take from another module: imported ones, attributes, and strings such as "LABELS"."""


@functools.cache
def read_code(source: str) -> ModuleCode:
    """The code of a module's source."""
    code = ModuleCode()
    _add(ast.parse(source), code)
    return code


def is_text(node: ast.AST) -> bool:
    """Whether this is a docstring: of a module, a class, a function or an attribute."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _add(node: ast.AST, code: ModuleCode) -> None:
    _add_names(node, code)
    written = code.statements
    written.append(type(node).__name__)
    for name in node._fields:
        value = getattr(node, name, None)
        if isinstance(value, ast.expr_context):
            continue  # it follows from where the node stands
        if isinstance(value, ast.AST):
            _add(value, code)
        elif isinstance(value, list):
            written.append("[")
            for each in value:
                if not isinstance(each, ast.AST):
                    written.append(repr(each))
                elif not (is_text(each) or _is_for_types(each)):
                    _add(each, code)
            written.append("]")
        else:
            written.append(repr(value))


def _add_names(node: ast.AST, code: ModuleCode) -> None:
    if isinstance(node, ast.Attribute):
        code.names.add(node.attr)
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            code.names.add(node.value)
            code.modules.add(node.value)
    elif isinstance(node, ast.ImportFrom):
        code.names.update(alias.name for alias in node.names)
        code.imported.update((str(node.module), alias.name) for alias in node.names)
    elif isinstance(node, ast.Import):
        code.modules.update(alias.name for alias in node.names)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
