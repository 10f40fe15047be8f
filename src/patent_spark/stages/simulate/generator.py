"""A whole release: patents in grant order, chunk by chunk, then the citations that they receive."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.config import Simulate
from patent_spark.core.files import write_json
from patent_spark.core.progress import Progress
from patent_spark.stages.simulate.arrays import Ints
from patent_spark.stages.simulate.bayes_rates import BayesRates, technology_rates
from patent_spark.stages.simulate.citation_sort import CitationSorter, whole_patents
from patent_spark.stages.simulate.citations import CitationGenerator
from patent_spark.stages.simulate.claims import claims
from patent_spark.stages.simulate.cpc_tables import CpcTables
from patent_spark.stages.simulate.file_formats import CLAIMS, FORMATS, FileFormat
from patent_spark.stages.simulate.forward_counts import ForwardCounts
from patent_spark.stages.simulate.hashing import uniforms
from patent_spark.stages.simulate.known_effects import KnownEffects
from patent_spark.stages.simulate.level_rates import CitationLevelCounter
from patent_spark.stages.simulate.lexicon import Lexicon
from patent_spark.stages.simulate.population import DESIGN, Patents, Population
from patent_spark.stages.simulate.related_documents import RelatedDocuments
from patent_spark.stages.simulate.release_json import ReleaseDescription, describe
from patent_spark.stages.simulate.release_statistics import ReleaseStatistics
from patent_spark.stages.simulate.tables import Tables
from patent_spark.stages.simulate.texts import Texts
from patent_spark.stages.simulate.truth import TruthTable
from patent_spark.stages.simulate.tsv import Columns, TsvZip, YearlyZips

CHUNK = 8192
"""Patents made at a time. The release does not depend on it."""
_DESIGNS_WITH_EMPTY_ROW = 0.5


class ReleaseGenerator:
    """Makes one release in a folder."""

    def __init__(self, folder: Path, settings: Simulate, chunk: int = CHUNK) -> None:
        self._folder, self._settings, self._chunk = folder, settings, chunk
        self._population = Population(settings.seed, settings.patents, settings.classes)
        self._end = self._population.calendar.until(settings.data_to_date)
        self._forward = ForwardCounts(self._population)
        self._lexicon = Lexicon(self._population, settings.order_share, settings.drift)
        self._citations = CitationGenerator(
            self._population, self._forward, settings.citation_scale, self._end
        )
        self._tables, self._cpc = Tables(self._population), CpcTables(self._population)
        self._related = RelatedDocuments(self._population, self._tables, settings.relatives)
        self._texts = Texts(self._lexicon, settings.seed, settings.abstract_words)
        self._known = KnownEffects(
            self._population,
            self._forward,
            self._citations.skew,
            settings.feature_effect,
            settings.level_noise,
        )
        self._levels = CitationLevelCounter(self._population, settings.data_to_date, self._known.bins)
        self._statistics = ReleaseStatistics(self._population)
        self._truth = TruthTable(self._population, self._tables, self._known)

    def generate(self) -> ReleaseDescription:
        """Write all files; return the content of release.json."""
        with ExitStack() as stack:
            executor = stack.enter_context(ThreadPoolExecutor(1))

            def open_zip(file_format: FileFormat) -> TsvZip:
                broken = self._settings.broken_fraction
                return TsvZip(self._folder, file_format, self._settings.seed, broken, executor)

            files = {
                name: stack.enter_context(closing(open_zip(file_format)))
                for name, file_format in FORMATS[self._settings.columns].items()
            }
            yearly = {}
            if self._settings.claims:
                zips = YearlyZips(lambda year: open_zip(CLAIMS[self._settings.columns].for_year(year)))
                yearly["claims"] = stack.enter_context(closing(zips))
            unsorted = self._folder / ".unsorted-citations"
            sorter = CitationSorter(unsorted, self._population, self._citations.flows)
            stack.enter_context(closing(sorter))
            self._write_patents({**files, **yearly}, sorter)
            self._write_citations(files["citation"], sorter)
            if "cpc_title" in files:
                files["cpc_title"].write(self._cpc.titles())
        shutil.rmtree(unsorted)
        written = [*files.values(), *(file for zips in yearly.values() for file in zips.files.values())]
        rates = BayesRates(
            technology=technology_rates(self._population, self._lexicon, self._settings.technology_noise),
            citation_level=self._levels.rates(),
        )
        description = describe(self._settings, rates, written, self._lexicon, self._statistics)
        write_json(self._folder / "release.json", description.model_dump(by_alias=True))
        return description

    def _write_patents(self, files: Mapping[str, TsvZip | YearlyZips], sorter: CitationSorter) -> None:
        with (
            pq.ParquetWriter(self._folder / "truth.parquet", self._truth.schema) as truth,
            Progress("simulate patents", self._end, "patents") as bar,
        ):
            for start in range(0, self._end, self._chunk):
                index = np.arange(start, min(start + self._chunk, self._end))
                patents = self._known.applied(self._population.patents(index))
                citations, counts = self._citations.received(patents)
                sorter.add(citations)
                text_class, signal = self._signals(patents)
                ids = self._tables.ids(patents.index)
                for name, columns in self._patent_tables(patents, ids, text_class, signal):
                    if name in files:
                        files[name].write(columns)
                truth.write_table(self._truth.rows(patents, ids, text_class, signal, counts))
                labelled = patents.has_cpc & ~patents.withdrawn
                known = signal * self._known.bins + self._known.bin_of(patents)
                of_patents = np.stack([patents.year, patents.cpc, text_class, known, counts], axis=1)
                self._levels.add(patents.week[labelled], of_patents[labelled])
                self._statistics.add_patents(patents.year, counts)
                bar.update(len(ids))
        for citations in self._citations.of_old_patents():
            sorter.add(citations)

    def _write_citations(self, file: TsvZip, sorter: CitationSorter) -> None:
        with Progress("simulate citations", sorter.rows, "citations") as bar:
            for keys in sorter.sorted():
                self._statistics.add_citations(keys)
                for part in whole_patents(keys):
                    file.write(self._tables.citations(part))
                    bar.update(len(part))

    def _signals(self, patents: Patents) -> tuple[Ints, Ints]:
        """The class and the level that each text signals: the patent's own or, with noise, another one."""
        seed, origin, settings = self._settings.seed, patents.origin, self._settings
        other = self._population.draw_class(uniforms(seed, "other class", origin))
        noisy_class = uniforms(seed, "class noise", origin) < settings.technology_noise
        text_class = np.where(noisy_class, other, patents.cpc)
        noisy_level = uniforms(seed, "level noise", origin) < settings.level_noise
        rank = np.where(noisy_level, uniforms(seed, "other rank", origin), patents.rank)
        return text_class, self._forward.levels(rank, self._year_of(origin), patents.cpc)

    def _year_of(self, index: Ints) -> Ints:
        """Grant years, from 0 = 1976."""
        year: Ints = self._population.calendar.year[self._population.calendar.week(index)]
        return year

    def _patent_tables(
        self, patents: Patents, ids: pa.Array, text_class: Ints, signal: Ints
    ) -> Iterator[tuple[str, Columns]]:
        """The rows of each table with rows about these patents."""
        level_row = self._lexicon.level_rows(self._year_of(patents.origin), signal)
        titles = self._texts.titles(patents.index, patents.origin, text_class, level_row)
        abstracts = self._texts.abstracts(patents.origin, text_class, level_row, patents.kind != DESIGN)
        columns = self._tables.patents(patents, ids, titles)
        yield "patent", columns | {"abstract": abstracts}
        empty = uniforms(self._settings.seed, "empty abstract", patents.index) < _DESIGNS_WITH_EMPTY_ROW
        kept = pa.array((patents.kind != DESIGN) | empty)
        yield "abstract", {"id": ids.filter(kept), "abstract": abstracts.filter(kept)}
        yield "cpc", self._cpc.rows(patents, ids)
        yield "application", self._tables.applications(patents, ids)
        yield "related", self._related.rows(patents, ids)
        if self._settings.claims:
            counts = columns["claims"].to_numpy()
            yield "claims", claims(self._texts, patents, ids, counts, text_class, level_row)
