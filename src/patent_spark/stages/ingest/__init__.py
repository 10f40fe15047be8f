"""The stage ingest: zipped TSV tables to Parquet, in one streaming pass.

In: a release. Out: PATENTS, ABSTRACTS, CITATIONS, CPC, RELATED_DOCUMENTS, CPC_TITLES, CLAIMS if asked
for, and REJECTS.
May import: core, config. It needs no engine.
"""
