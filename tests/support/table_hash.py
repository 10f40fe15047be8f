"""The content of a table as one number that does not depend on row order, files or engine."""

import hashlib
import json

import pyarrow.dataset

from patent_spark.core.schemas import STAGE_OF, TABLES


def table_digest(directory):
    """sha256 over the sorted rows, columns by name; keys of files and folders play no part."""
    table = pyarrow.dataset.dataset(directory, format="parquet").to_table()
    table = table.select(sorted(table.column_names))
    rows = sorted(
        json.dumps(row, default=lambda value: value.hex() if isinstance(value, bytes) else str(value))
        for row in table.to_pylist()
    )
    return len(rows), hashlib.sha256("\n".join(rows).encode()).hexdigest()


def tables_of(store):
    """The digest of each table that readers see, in the order of its name."""
    return {
        table: table_digest(store.directory(table))
        for table, stage in sorted(STAGE_OF.items())
        if table in TABLES and (manifest := store.manifest(stage)) and table in manifest.tables
    }
