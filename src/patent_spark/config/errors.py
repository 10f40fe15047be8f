"""The root of every error that a user reads."""

from __future__ import annotations


class PatentSparkError(Exception):
    """An error that a user can act on: a sentence to read, and the facts it is about.

    The sentence says what, where and what to do, and may be reworded at any time. The facts (`setting`, `table`,
    `stage`, `file`, `row`, a count) are what code and tests rely on.
    """

    exit_code = 1

    def __init__(self, message: str, **facts: object) -> None:
        super().__init__(message)
        self.facts = facts


class ConfigError(PatentSparkError):
    """A setting is unknown, ill-typed or contradicts another."""

    exit_code = 2
