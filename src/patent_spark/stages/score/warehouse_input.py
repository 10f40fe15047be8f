"""The patents of the warehouse as texts to score, by ranges of their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from patent_spark.config import Score, digest
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.feature_values import feature_values
from patent_spark.core.key_ranges import KeyRange, counted_blocks
from patent_spark.core.patent_rules import keep_standing
from patent_spark.core.tokenization import claims_per_patent
from patent_spark.stages.score.plan import BLOCK_BITS, Partition, Plan, key_ranges
from patent_spark.stages.score.texts import KEPT, columns_beside, text_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from patent_spark.core.model_files import TaskDescription


class WarehouseInput:
    """Patents that are not withdrawn, of the years that the settings name."""

    def __init__(self, context: StageContext) -> None:
        self._context, self._score = context, context.config.score
        manifest = context.store.manifest("ingest")
        assert manifest is not None, "the pipeline requires the stage ingest"
        self._version = manifest.version
        self.release_id: str | None = manifest.release_id

    def fingerprint(self) -> str:
        """What the texts depend on."""
        return digest([self._version, self._score.from_year, self._score.until_year])

    def prepare(self, partition_rows: int) -> Plan:
        """Ranges of keys with about so many patents; raises DataError when there is no patent."""
        plan = key_ranges(counted_blocks(self._patents(), BLOCK_BITS), partition_rows)
        if not plan.partitions:
            raise DataError(
                f"PATENTS has no patent to score{_of_years(self._score)}; "
                "inspect score.from_year and score.until_year",
                table="PATENTS",
            )
        return plan

    def texts(self, partition: Partition, about: TaskDescription) -> DataFrame:
        """One row per patent of a partition: the columns KEPT, its text, null without any, and what the model
        reads beside it."""
        source = about.text

        assert partition.first is not None and partition.last is not None, "of patents of the warehouse"
        in_range = KeyRange(partition.first, partition.last, partition.rows).of
        patents = self._patents().transform(in_range).select("patent_key", "patent_id", "title")
        for field in (name for name in source.fields if name != "title"):
            table = self._context.read("CLAIMS" if field == "claims" else "ABSTRACTS").transform(in_range)
            further = claims_per_patent(table, source.claims) if field == "claims" else table
            patents = patents.join(further.select("patent_key", field), "patent_key", how="left")
        beside = columns_beside(about)
        if about.features and beside:
            known = feature_values(about.features.features, patents, self._context.read)
            patents = patents.join(known.select("patent_key", *beside), "patent_key", how="left")
        rows = patents.withColumn("row", F.lit(None).cast("bigint"))
        return rows.select(*KEPT, text_of(source.fields), *beside)

    def _patents(self) -> DataFrame:
        patents, year = self._context.read("PATENTS").transform(keep_standing), F.year("grant_date")
        if self._score.from_year:
            patents = patents.where(year >= self._score.from_year)
        if self._score.until_year:
            patents = patents.where(year <= self._score.until_year)
        return patents


def _of_years(score: Score) -> str:
    years = [
        f"{word} {year}" for word, year in (("from", score.from_year), ("until", score.until_year)) if year
    ]
    return f" granted {' '.join(years)}" if years else ""
