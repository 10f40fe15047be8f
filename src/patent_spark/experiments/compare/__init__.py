"""The command compare: two MLflow runs side by side.

In: logged predictions, settings and code of two runs. Out: compare.html and compare.json.
May import: everything below the experiments; it runs no stage.
"""
