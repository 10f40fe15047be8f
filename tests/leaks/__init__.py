"""Leaks to plant in a finished warehouse, each with the check that must catch it. Tests and `make audit-canaries` share them."""

from tests.leaks import copies, joins, learned, results, shortcuts

LEAKS = (*joins.LEAKS, *copies.LEAKS, *learned.LEAKS, *shortcuts.LEAKS, *results.LEAKS)
