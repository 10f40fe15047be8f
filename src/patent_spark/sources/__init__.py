"""Where a release comes from: the Open Data Portal, Zenodo, a folder, or the simulator.

In: the settings of section `source`. Out: the releases that there are, and a folder of one's files that
ingest reads. May import: core, config, reporting.
"""
