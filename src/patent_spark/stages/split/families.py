"""Patent families: connected components of patents that share an abstract or are related documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F

from patent_spark.core import schemas
from patent_spark.core.errors import conform
from patent_spark.core.patent_rules import family_per_patent, parents_per_patent
from patent_spark.core.progress import say
from patent_spark.core.scratch import materialize, scratch_table
from patent_spark.core.store import parquet_size

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from patent_spark.core.context import StageContext


def write_families(context: StageContext) -> DataFrame:
    """Write FAMILIES and read it back from the draft; skips the links when RELATED_DOCUMENTS is empty."""
    abstracts = context.read("ABSTRACTS").transform(family_per_patent)
    if parquet_size(context.store.directory("RELATED_DOCUMENTS"))["rows"]:
        _write_connected_families(context, abstracts)
    else:
        context.write(abstracts, "FAMILIES")
    return context.read_back("FAMILIES")


def _write_connected_families(context: StageContext, abstracts: DataFrame) -> None:
    """Write FAMILIES with the families merged that RELATED_DOCUMENTS links."""
    with materialize(context, abstracts, "by_abstract") as families:
        parents = context.read("RELATED_DOCUMENTS").transform(parents_per_patent)
        links = parents.transform(links_between_families, families)
        connected = connected_families(links.toArrow())
        say(
            f"  related documents: {connected.num_rows:,} abstracts, patents and applications merge into "
            f"other families; the largest family has {largest_family(connected):,}"
        )
        with scratch_table(context, connected, "connected") as merged:
            context.write(families_of_patents(families, context.read("PATENTS"), merged), "FAMILIES")


def links_between_families(parents: DataFrame, families: DataFrame) -> DataFrame:
    """One row per pair of family numbers that a parent (patent_rules.parents_per_patent) links: one, other.

    The family number of a patent without an abstract is its key, that of an application the hash of its
    number.
    """
    # A family has each patent once, so the joins keep the rows.
    of_parents = families.select(F.col("patent_key").alias("parent"), F.col("family").alias("parent_family"))
    numbered = parents.join(families, on="patent_key", how="left").join(of_parents, on="parent", how="left")
    links = numbered.select(
        F.coalesce("family", "patent_key").alias("one"), F.coalesce("parent_family", "parent").alias("other")
    )
    return links.where(F.col("one") != F.col("other")).distinct()


def connected_families(links: pa.Table) -> pa.Table:
    """One row per family number that changes: `number`, and `family`, the smallest number of its component.

    Runs in this process: ten million links, the most that a release can have, take one gigabyte. An engine
    would need a join for each step of the longest line of descent.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    ends = np.concatenate([np.asarray(links[name], np.int64) for name in ("one", "other")])
    numbers, places = np.unique(ends, return_inverse=True)
    one, other = places.reshape(2, -1)
    graph = coo_matrix((np.ones(len(one), np.int8), (one, other)), shape=(len(numbers), len(numbers)))
    component = connected_components(graph, directed=False)[1]
    # Numbers ascend, so the first one of a component is its smallest.
    family = numbers[np.unique(component, return_index=True)[1]][component]
    changed = family != numbers
    return pa.table({"number": numbers[changed], "family": family[changed]})


def largest_family(connected: pa.Table) -> int:
    """The size of the largest component of connected_families.

    Thousands would mean that one number stands for different applications.
    """
    return 1 + int(np.unique(np.asarray(connected["family"]), return_counts=True)[1].max(initial=0))


def families_of_patents(families: DataFrame, patents: DataFrame, connected: DataFrame) -> DataFrame:
    """FAMILIES: those of abstracts, merged by `connected`, and linked patents without an abstract."""
    merged = connected.withColumnRenamed("family", "merged")
    without = patents.select("patent_key").join(families, on="patent_key", how="left_anti")
    with_abstract = families.join(merged, on=F.col("family") == F.col("number"), how="left")
    others = without.join(merged, on=F.col("patent_key") == F.col("number"), how="inner")
    return (
        with_abstract.select("patent_key", F.coalesce("merged", "family").alias("family"))
        .unionByName(others.select("patent_key", F.col("merged").alias("family")))
        .transform(conform, schemas.FAMILIES.schema)
    )
