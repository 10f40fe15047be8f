"""Settings and outputs that a module's code touches, read from its source.

mypy is strict for the package, so whatever is a Config, or a section of it, says so where it is declared.
"""

import ast
import dataclasses
from importlib.util import find_spec
from pathlib import Path
from typing import get_type_hints

from patent_spark.config import Config
from patent_spark.core.metadata import STAGE_METADATA
from patent_spark.core.schemas import STAGE_OF

WHOLE = "Config"
SECTIONS = {name: getattr(kind, "__name__", "") for name, kind in get_type_hints(Config).items()}
"""Members of Config -> the name of their class."""
SECTION_CLASSES = {
    kind.__name__ for kind in get_type_hints(Config).values() if dataclasses.is_dataclass(kind)
}
THROUGH_MEMBERS = {
    "task_names": {"tasks"},
    "models": {"tasks"},
    "prefix": {"tasks"},
    "task": {"technology", "citation_level"},
}
"""Members of Config that are no sections, and the settings that they read."""
DESCRIPTIONS = {"patent_spark.core.schemas", "patent_spark.core.json_schemas"}
"""Modules that name the outputs of all stages and read none."""
_STAGE_OF_RECORD = {record.__name__: stage for stage, record in STAGE_METADATA.items()}


def parsed(module):
    return ast.parse(Path(find_spec(module).origin).read_text())


def settings_used(tree):
    """Settings that a module uses: `section.name`, or `section` where it is handed on whole."""
    declared = {"config": WHOLE}
    for cls in _of_kind(tree, ast.ClassDef):
        declared |= _declared(node for node in cls.body if isinstance(node, ast.AnnAssign))
    parent = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    used = set()
    for function in _of_kind(tree, ast.FunctionDef):
        kinds = _Kinds(function, declared)
        for node in _of_kind(function, ast.Attribute):
            kind = kinds.of(node.value)
            if kind == WHOLE:
                used |= _of_config(node, parent[node], kinds)
            elif kind in SECTION_CLASSES:
                used |= {f"{section}.{node.attr}" for section, name in SECTIONS.items() if name == kind}
    return used


def stages_read(tree):
    """Stages whose outputs, records or manifests a module names, other than in the facts of an error."""
    facts = {
        keyword.value
        for call in _of_kind(tree, ast.Call)
        if ast.unparse(call.func).endswith("Error")
        for keyword in call.keywords
    }
    stages = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in facts:
            stages.add(STAGE_OF.get(node.value))
        elif isinstance(node, ast.Attribute):
            stages.add(STAGE_OF.get(node.attr))
        elif isinstance(node, ast.Name):
            stages.add(_STAGE_OF_RECORD.get(node.id))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".manifest"):
            stages |= {each.value for each in node.args if isinstance(each, ast.Constant)}
    return stages - {None}


class _Kinds:
    """The class (Config, Evaluate, ...) that an expression in a function has; None of others."""

    def __init__(self, function, declared):
        arguments = function.args
        self._fields = declared
        self._names = _declared([*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs])
        for node in _of_kind(function, ast.Assign):
            for target, value in _pairs(node):
                if isinstance(target, ast.Name) and (kind := self.of(value)):
                    self._names[target.id] = kind

    def of(self, node):
        if isinstance(node, ast.Name):
            return self._names.get(node.id)
        if not isinstance(node, ast.Attribute) or ast.unparse(node.value) == "tf":
            return None
        of_config = self.of(node.value) == WHOLE
        return SECTIONS.get(node.attr) if of_config else self._fields.get(node.attr)


def _of_kind(tree, kind):
    return [node for node in ast.walk(tree) if isinstance(node, kind)]


def _of_config(node, parent, kinds):
    if node.attr in THROUGH_MEMBERS:
        return THROUGH_MEMBERS[node.attr]
    assert node.attr in SECTIONS, f"{node.attr} is not known as a member of Config"
    is_section = kinds.of(node) in SECTION_CLASSES
    named = isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name)
    return set() if is_section and (named or isinstance(parent, ast.Attribute)) else {node.attr}


def _pairs(node):
    target, value = node.targets[0], node.value
    both = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
    return zip(target.elts, value.elts, strict=True) if both else [(target, value)]


def _declared(nodes):
    """Names of parameters and fields that are a Config or one of its sections, and which."""
    named = {
        node.arg if isinstance(node, ast.arg) else ast.unparse(node.target): ast.unparse(node.annotation)
        for node in nodes
        if node.annotation is not None
    }
    return {name: kind for name, kind in named.items() if kind in {WHOLE, *SECTION_CLASSES}}
