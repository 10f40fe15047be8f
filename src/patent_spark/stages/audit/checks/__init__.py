"""The checks of the audit, one file per topic; registry.py lists them.

In: a Warehouse or the TaskData of one task. Out: a CheckResult. May import: what the audit may.
"""
