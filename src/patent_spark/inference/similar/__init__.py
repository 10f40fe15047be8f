"""The nearest patents to a patent or a text.

In: INDEX, which the stage `index` makes, and a patent id, a text or a vector. Out: typed records of the
nearest patents. May import: inference, core, config.
"""
