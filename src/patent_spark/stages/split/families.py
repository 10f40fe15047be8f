"""Families: patents that share an abstract or are relatives, over any number of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F

from patent_spark.core import schemas
from patent_spark.core.errors import conform
from patent_spark.core.patent_rules import family_per_patent, parents_per_patent
from patent_spark.core.progress import say
from patent_spark.core.scratch import kept_aside, table_aside
from patent_spark.core.store import location, parquet_size

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from patent_spark.core.context import StageContext


def write_families(context: StageContext) -> DataFrame:
    """Write FAMILIES; returns it as it stands in the draft. Relatives cost nothing where RELATED_DOCUMENTS has no row."""
    abstracts = context.read("ABSTRACTS").transform(family_per_patent)
    if parquet_size(context.store.directory("RELATED_DOCUMENTS"))["rows"]:
        with kept_aside(context, abstracts, "by_abstract") as numbers:
            links = (
                context.read("RELATED_DOCUMENTS")
                .transform(parents_per_patent)
                .transform(links_of_families, numbers)
            )
            found = joined_families(links.toArrow())
            say(
                f"  relatives: {found.num_rows:,} abstracts, patents and applications join others; {largest(found):,} are the most in one family"
            )
            with table_aside(context, found, "joined") as joined:
                context.write(families_with_relatives(numbers, context.read("PATENTS"), joined), "FAMILIES")
    else:
        context.write(abstracts, "FAMILIES")
    return context.session.read.schema(schemas.FAMILIES.schema).parquet(
        location(context.draft.path("FAMILIES"))
    )


def links_of_families(parents: DataFrame, families: DataFrame) -> DataFrame:
    """One row per two family numbers that parents (rules.parents_per_patent) link: one, other.

    A patent without an abstract is a family under its key, an application one under the hash of its number.
    """
    of_parents = families.select(F.col("patent_key").alias("parent"), F.col("family").alias("parent_family"))
    numbered = parents.join(families, on="patent_key", how="left").join(
        of_parents, on="parent", how="left"
    )  # a family has each patent once
    links = numbered.select(
        F.coalesce("family", "patent_key").alias("one"), F.coalesce("parent_family", "parent").alias("other")
    )
    return links.where(F.col("one") != F.col("other")).distinct()


def joined_families(links: pa.Table) -> pa.Table:
    """Of the family numbers that are linked, over any number of others: `number`, and `family`, the smallest that it is linked with.

    In this process, where ten million links, as many as a release can have, take a gigabyte; an engine would need a join
    for each step of the longest line of descent. Numbers that stay what they are are left out.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    ends = np.concatenate([np.asarray(links[name], np.int64) for name in ("one", "other")])
    numbers, places = np.unique(ends, return_inverse=True)
    one, other = places.reshape(2, -1)
    graph = coo_matrix((np.ones(len(one), np.int8), (one, other)), shape=(len(numbers), len(numbers)))
    component = connected_components(graph, directed=False)[1]
    family = numbers[np.unique(component, return_index=True)[1]][
        component
    ]  # numbers ascend, so the first of a component is its smallest
    changed = family != numbers
    return pa.table({"number": numbers[changed], "family": family[changed]})


def largest(joined: pa.Table) -> int:
    """How many numbers the largest of joined_families has: thousands would mean that some number stands for different applications."""
    return 1 + int(np.unique(np.asarray(joined["family"]), return_counts=True)[1].max(initial=0))


def families_with_relatives(families: DataFrame, patents: DataFrame, joined: DataFrame) -> DataFrame:
    """FAMILIES from those of the abstracts and what joined_families says of their numbers."""
    joined = joined.withColumnRenamed("family", "wider")
    without = patents.select("patent_key").join(families, on="patent_key", how="left_anti")
    joined_abstracts = families.join(joined, on=F.col("family") == F.col("number"), how="left")
    joined_others = without.join(joined, on=F.col("patent_key") == F.col("number"), how="inner")
    wider = joined_abstracts.select("patent_key", F.coalesce("wider", "family").alias("family"))
    others = joined_others.select("patent_key", F.col("wider").alias("family"))
    return wider.unionByName(others).transform(conform, schemas.FAMILIES.schema)
