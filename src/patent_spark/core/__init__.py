"""What every stage stands on: store, sessions, schemas, errors, patent ids and rules. It knows no stage.

In: a configuration. Out: versioned tables, opened engines, progress, log lines.
May import: config.
"""
