"""The stage register: is a model promoted to champion in MLflow's registry?

In: MODEL, METRICS, AUDIT, the current champion. Out: a registered version with its model card, or reasons.
May import: inference, metrics, reporting, tracking, core, config.
"""
