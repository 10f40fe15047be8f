"""The command ablate: how much of the difference of two configurations is protocol, how much is model.

In: two configurations on one release, crossed in a 2x2 factorial design. Out: ABLATION (report.html, JSON).
May import: pipeline and everything below it.
"""
