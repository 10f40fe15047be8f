"""Which code made a table or a model: the package's version, and a digest of the modules that did the work.

What a module depends on is read from its imports, so it cannot be declared wrongly. A stage is done again
when the digest of its code differs; comments, docstrings and formatting change no digest.
"""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Iterable
from fnmatch import fnmatchcase
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from patent_spark import __version__
from patent_spark.config import digest
from patent_spark.core.module_code import ModuleCode, read_code
from patent_spark.core.schema_definitions import SchemaDefinitions

ROOT = "patent_spark"
SCHEMAS = "patent_spark.core.schemas"

PLATFORM = {
    "patent_spark": "only the version number",
    "patent_spark.config": "the values of the settings are part of a stage's key themselves",
    "patent_spark.config.*": "the same",
    "patent_spark.core.code_version": "decides when to work, not what comes out",
    "patent_spark.core.context": "hands over tables and settings, and changes neither",
    "patent_spark.core.errors": "checks results, and changes none",
    "patent_spark.core.files": "writes what it is given",
    "patent_spark.core.lineage": "says where a model comes from, and changes none",
    "patent_spark.core.local_storage": "decides where versions are kept",
    "patent_spark.core.log_lines": "shows what is going on",
    "patent_spark.core.manifest": "describes a version, and is not in its tables",
    "patent_spark.core.metadata": "the fields of a record change together with the code that fills them",
    "patent_spark.core.objects*": "decides where versions are kept",
    "patent_spark.core.old_versions": "removes what nobody reads",
    "patent_spark.core.pointers": "decides which version readers see",
    "patent_spark.core.progress": "shows how far the work is",
    "patent_spark.core.reuse": "takes over files that the same code made of the same input",
    "patent_spark.core.session": "tables come out the same on each engine",
    "patent_spark.core.storage": "decides where versions are kept",
    "patent_spark.core.store": "decides where tables are kept; the version of each input is part of the key",
    "patent_spark.sources.local": "finds the release; a digest of its files is part of the key",
    "patent_spark.stages.train.launch.failures": "says why a training ended early",
    "patent_spark.stages.train.launch.progress": "shows how far a training is",
    "patent_spark.stages.train.metric_logger": "sends what was computed to MLflow",
    "patent_spark.tracking.*": "sends what was computed to MLflow",
}
"""Modules (patterns) that never change what a stage computes, each with the reason."""

PRESENTATION = (
    "patent_spark.reporting.*",
    "*.report",
    "*.report_tables",
    "*.plots",
    "*.figures",
    "*.mlflow_logging",
    "patent_spark.stages.register.model_card",
    "patent_spark.stages.register.card_*",
)
"""Modules (patterns) that only show what others computed; the templates of their packages belong to them."""

_TEMPLATES = "templates"


def code_digest(module: str, presentation: bool = False, package: Traversable | None = None) -> str:
    """A digest of the code that `module` (such as `patent_spark.stages.label.stage`) runs when it computes.

    It covers the module and every module of patent_spark that it imports: directly or through others,
    inside functions too, and by its full name in a string (`python -m`). Of schemas.py it covers the tables
    and constants that these modules name, without descriptions. PLATFORM is left out, and so is PRESENTATION
    unless `presentation` is true. Use True for a step that draws pages, and False for one whose
    results should survive a change of a template.

    package: the folder of the sources, also within a zip; by default that of the package that runs.
    """
    return code_digests([module], presentation, package)[module]


def code_digests(
    modules: Iterable[str], presentation: bool = False, package: Traversable | None = None
) -> dict[str, str]:
    """The `code_digest` of several modules, for which the sources are read once."""
    sources = _installed() if package is None else _Sources(package)
    return {module: sources.digest(module, presentation) for module in modules}


def modules_of(module: str, presentation: bool = False, package: Traversable | None = None) -> list[str]:
    """The modules that `code_digest` covers, in alphabetical order."""
    sources = _installed() if package is None else _Sources(package)
    return sources.closure(module, presentation)


def is_left_out(module: str, presentation: bool) -> bool:
    """Whether a change of this module never makes a stage run again."""
    patterns = [*PLATFORM, *(() if presentation else PRESENTATION)]
    return any(fnmatchcase(module, pattern) for pattern in patterns)


def is_presentation(module: str) -> bool:
    """Whether this module only shows what others computed."""
    return any(fnmatchcase(module, pattern) for pattern in PRESENTATION)


class _Sources:
    """The package's sources in one folder, read once each."""

    def __init__(self, package: Traversable) -> None:
        self._package = package
        self._texts: dict[str, str] = {}
        self._imports: dict[str, set[str]] = {}
        self._digests: dict[tuple[str, bool], str] = {}

    def digest(self, module: str, presentation: bool) -> str:
        """A digest of the modules that `closure` names, and of the templates of those that present."""
        if (module, presentation) not in self._digests:
            self._digests[module, presentation] = self._digest(module, presentation)
        return self._digests[module, presentation]

    def _digest(self, module: str, presentation: bool) -> str:
        modules = self.closure(module, presentation)
        shown = sorted({name.rpartition(".")[0] for name in modules if is_presentation(name)})
        code: list[object] = [(name, self._code(name).statements) for name in modules if name != SCHEMAS]
        schemas = self._schemas.code(self.schema_names(modules))
        return digest([*code, *schemas, *(self._templates(folder) for folder in shown)])

    def schema_names(self, modules: Iterable[str]) -> set[str]:
        """What some modules may take from schemas.py, and other names."""
        return set().union(*(self._code(name).names for name in modules if name != SCHEMAS))

    @functools.cached_property
    def _schemas(self) -> SchemaDefinitions:
        return SchemaDefinitions(self._read(SCHEMAS))

    def closure(self, module: str, presentation: bool) -> list[str]:
        """The module and all that it imports, directly or through others."""
        reached, waiting = {module}, [module]
        while waiting:
            for name in self._imports_of(waiting.pop()) - reached:
                if not is_left_out(name, presentation):
                    reached.add(name)
                    waiting.append(name)
        return sorted(reached)

    def _code(self, module: str) -> ModuleCode:
        return read_code(self._read(module))

    def _imports_of(self, module: str) -> set[str]:
        """The modules of the package that a module imports, or whose names stand in it as strings."""
        if module not in self._imports:
            code = self._code(module)
            whole = {(name, f"{name}.{part}") for name, part in code.imported if name.startswith(ROOT)}
            named = {full if self._file(full) else name for name, full in whole}
            named |= {name for name in code.modules if name.startswith(ROOT) and name.isascii()}
            self._imports[module] = {name for name in named if self._file(name)}
        return self._imports[module]

    def _read(self, module: str) -> str:
        if module not in self._texts:
            file = self._file(module)
            if file is None:
                raise ModuleNotFoundError(f"no module {module} in {self._package}")
            self._texts[module] = file.read_text(encoding="utf-8")
        return self._texts[module]

    def _file(self, module: str) -> Traversable | None:
        """The source of a module or package; None when the name is of neither."""
        root, *parts = module.split(".")
        if root != ROOT or not all(part.isidentifier() for part in parts):
            return None
        place = self._package.joinpath(*parts)
        files = [place / "__init__.py"]
        if parts:
            files.append(self._package.joinpath(*parts[:-1], f"{parts[-1]}.py"))
        return next((file for file in files if file.is_file()), None)

    def _templates(self, package: str) -> list[tuple[str, str]]:
        folder = self._package.joinpath(*package.split(".")[1:], _TEMPLATES)
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name) if folder.is_dir() else []
        return [(entry.name, entry.read_text(encoding="utf-8")) for entry in entries if entry.is_file()]


@functools.cache
def _installed() -> _Sources:
    return _Sources(files(ROOT))


def code_version() -> str:
    """The package's version, and the git commit when it runs from a checkout."""
    commit = git_commit()
    return f"{__version__}+{commit[:12]}" if commit else __version__


def git_commit() -> str:
    """The commit of the checkout that the package runs from, `-dirty` with changes; empty without one."""
    here = Path(__file__)

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", here.parent, *arguments], capture_output=True, text=True, check=True, timeout=10
        )
        return done.stdout.strip()

    try:
        # The file must belong to the repository: it may be installed below another project's checkout.
        git("ls-files", "--error-unmatch", here.name)
        changes = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("-dirty" if changes else "")
    except (OSError, subprocess.SubprocessError):
        return ""
