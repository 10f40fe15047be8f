"""Leaks to inject into a finished warehouse, each with the check that must catch it.

The tests and `make audit-canaries` share them.
"""

from tests.support.leaks import copies, features, joins, lookahead, results, shortcuts

LEAKS = (*joins.LEAKS, *copies.LEAKS, *lookahead.LEAKS, *features.LEAKS, *shortcuts.LEAKS, *results.LEAKS)
