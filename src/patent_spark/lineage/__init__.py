"""From a model back to the release's files: the command `lineage`.

In: MLflow's registry and runs, lineage.json, manifests. Out: the document LINEAGE.
May import: inference, reporting, tracking, core, config.
"""
