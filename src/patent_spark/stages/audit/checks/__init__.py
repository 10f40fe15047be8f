"""The checks of the audit, a file a topic; registry.py lists them.

In: a Warehouse or the TaskData of one task. Out: a CheckResult. May import: what the audit may.
"""
