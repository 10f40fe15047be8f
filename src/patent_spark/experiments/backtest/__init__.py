"""The command backtest: a model as of the end of each year, tested on the years after it.

In: the main warehouse and point-in-time settings. Out: BACKTEST (report.html, backtest.json, plots).
May import: pipeline and everything below it.
"""
