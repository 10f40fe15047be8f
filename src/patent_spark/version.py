"""Which code made a table or a model."""

from __future__ import annotations

import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def package_version() -> str:
    """The package's version as installed."""
    try:
        return version("patent_spark")
    except PackageNotFoundError:  # running from a zip given to --py-files
        return "unpackaged"


def code_version() -> str:
    """The package's version, and the git commit when it runs from a checkout."""
    commit = git_commit()
    return f"{package_version()}+{commit[:12]}" if commit else package_version()


def git_commit() -> str:
    """The commit of the checkout that the package runs from; empty when it runs from elsewhere."""
    try:
        here = Path(__file__).parent
        found = subprocess.run(["git", "-C", here, "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=10)
        return found.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
