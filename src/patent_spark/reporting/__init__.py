"""What all HTML reports share: templates, tables, plots, provenance.

In: records and numbers of any stage. Out: self-contained HTML pages and PNG figures.
May import: tracking, core, config. It computes no metrics.
"""
