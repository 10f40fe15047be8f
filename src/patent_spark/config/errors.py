"""The base classes of all errors that a user reads."""

from __future__ import annotations


class PatentSparkError(Exception):
    """An error that a user can act on: a message, and the facts it is about.

    The message says what, where and what to do; its wording may change. Code and tests rely on the facts:
    `setting`, `table`, `stage`, `file`, `row`, counts.
    """

    exit_code = 1

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.facts = facts


class ConfigError(PatentSparkError):
    """A setting is unknown, ill-typed or contradicts another."""

    exit_code = 2
