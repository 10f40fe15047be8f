"""A warehouse and its models for notebooks and scripts: what `import patent_spark` offers.

In: a warehouse, or a configuration. Out: pandas data frames, typed records, plain answers.
May import: everything but the command line. Nothing here imports TensorFlow, and nothing writes.
"""
