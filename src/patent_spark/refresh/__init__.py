"""Refresh: a new release becomes a better model, unattended; a gate that says no changes nothing for readers.

In: a configuration whose source has a release. Out: published tables and a champion, or the reason why not.
May import: everything below the command line but experiments.
"""
