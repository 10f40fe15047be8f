"""Stage index: a vector of every patent, in which `patent-spark similar` looks for the nearest.

In: TOKENS, PATENTS, LABELS, COUNTS, FAMILIES, VECTORS, and a registered model. Out: INDEX, INDEXED_PATENTS.
"""
