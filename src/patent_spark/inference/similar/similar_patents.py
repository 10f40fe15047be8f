"""The nearest patents: one class for the command line and the service."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from patent_spark.core.errors import DataError
from patent_spark.core.id_spelling import read_ids
from patent_spark.core.metadata import IndexedVectors
from patent_spark.core.patent_ids import patent_id
from patent_spark.core.token_ids import split_words
from patent_spark.inference.similar.encoders import TextEncoder
from patent_spark.inference.similar.filters import Filters
from patent_spark.inference.similar.index_folder import IndexFolder
from patent_spark.inference.similar.patents import ShownPatent
from patent_spark.inference.similar.records import Neighbor, SimilarPatentsAnswer, SimilarQuery

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

_DIGITS = 6
_WIDER = 16
"""The graph is searched at most so many times wider because of a filter."""


class SimilarPatents:
    """Searches one index. May be used by several threads at once.

    encoder: what makes the vector of a text; not needed for patents of the index. exact: compare every
    vector although there is a graph.

    Raises DataError when the encoder did not make the index.
    """

    def __init__(self, index: IndexFolder, encoder: TextEncoder | None = None, exact: bool = False) -> None:
        self._index, self._encoder, self._exact = index, encoder, exact
        self.about: IndexedVectors = index.about
        if encoder is not None:
            self._require_identity(encoder.identity)

    def answer(
        self,
        patent: str | None = None,
        text: str = "",
        top: int = 10,
        filters: Filters = Filters(),
        id: str | None = None,
    ) -> SimilarPatentsAnswer:
        """The patents nearest to a patent of the index, else to a text, and what they were found with.

        id: of the text, given back with the answer.
        """
        known: int | None = None
        if patent is not None:
            neighbors = self.to_patent(patent, top, filters)
        else:
            neighbors, known = self.to_text(text, top, filters)
        query = SimilarQuery(
            patent_id=None if patent is None else self.spelled(patent),
            id=id,
            known_words=known,
            top=top,
            granted_before=filters.granted_before,
            classes=filters.classes,
            include_family=filters.include_family,
        )
        return SimilarPatentsAnswer(
            query=query,
            vectors=self.about.vectors,
            model=self.about.model,
            identity=self.about.identity,
            release_id=self.about.release_id,
            patents=self.about.patents,
            neighbors=tuple(neighbors),
        )

    def text_of(self, fields: Mapping[str, str]) -> str:
        """The text that the encoder reads of a title, an abstract, ..."""
        return _required(self._encoder).text_of(fields)

    def spelled(self, patent: str) -> str:
        """A patent's id in the form of the index; raises DataError when it is no patent's."""
        return patent_id(_key_of(patent))

    def to_patent(self, patent: str, top: int = 10, filters: Filters = Filters()) -> list[Neighbor]:
        """The patents nearest to one of the index, by its id in any spelling, the nearest first.

        Raises DataError when the index does not have it.
        """
        row = self._row_of(patent)
        left_out = np.zeros(0, np.int64) if filters.include_family else self._index.patents.family_of(row)
        return self._nearest(self._index.vectors.vector(row), top, filters, left_out)

    def to_text(self, text: str, top: int = 10, filters: Filters = Filters()) -> tuple[list[Neighbor], int]:
        """The patents nearest to a text, and how many of its words are known.

        Raises DataError when none is known.
        """
        encoder = _required(self._encoder)
        vectors, known = encoder.vectors(pa.array([split_words(text)], pa.list_(pa.string())))
        if not known[0]:
            raise DataError(
                f"the text has no word that {self.about.model} knows, so nothing is similar to it; "
                "give a title or an abstract in English"
            )
        return self.to_vector(vectors[0], encoder.identity, top, filters), int(known[0])

    def to_vector(
        self, vector: Floats, identity: str, top: int = 10, filters: Filters = Filters()
    ) -> list[Neighbor]:
        """The patents nearest to a vector, float32 [d], as the encoder of this identity makes them.

        Raises DataError when another one made the index.
        """
        self._require_identity(identity)
        projected = self._index.projection(vector[None])[0]
        return self._nearest(projected, top, filters, np.zeros(0, np.int64))

    def _nearest(self, vector: Floats, top: int, filters: Filters, left_out: Rows) -> list[Neighbor]:
        mask, allowed = self._index.patents.allowed(self._with_known_classes(filters))
        wanted = min(top + len(left_out), allowed)
        if not wanted:
            return []
        similarities, rows = self._search(vector, wanted, mask, allowed)
        kept = [i for i, row in enumerate(rows) if row >= 0 and row not in left_out][:top]
        return [_neighbor(self._index.patents.shown(int(rows[i])), float(similarities[i])) for i in kept]

    def _search(
        self, vector: Floats, top: int, mask: NDArray[np.bool_] | None, allowed: int
    ) -> tuple[Floats, Rows]:
        """By the graph, or exactly where the filters leave few patents or the graph finds too few."""
        index = self._index.vectors
        if index.has_graph and allowed > self.about.exact_up_to and not self._exact:
            wider = min(_WIDER, index.rows / allowed)
            width = int(max(self.about.search_width, 2 * top) * wider)
            similarities, rows = index.by_graph(vector[None], top, width, mask)
            if rows[0].min() >= 0:
                return similarities[0], rows[0]
        similarities, rows = index.exact(vector[None], top, mask)
        return similarities[0], rows[0]

    def _row_of(self, patent: str) -> int:
        key = _key_of(patent)
        row = self._index.patents.row_of(key)
        if row is None:
            raise DataError(
                f"patent {patent_id(key)} is not among the {self.about.patents:,} patents of the index "
                f"(release {self.about.release_id}): it is not in the release, was withdrawn, or has no "
                "text; give its title and abstract instead",
                patent=patent_id(key),
            )
        return row

    def _with_known_classes(self, filters: Filters) -> Filters:
        unknown = sorted(set(filters.classes) - set(self.about.classes))
        if unknown:
            raise DataError(
                f"no patent of the index has class {', '.join(unknown)}; a class has three characters, "
                "such as G06",
                cpc_class=", ".join(unknown),
            )
        return filters

    def _require_identity(self, identity: str) -> None:
        if identity != self.about.identity:
            raise DataError(
                f"the index holds vectors of {self.about.model} ({self.about.identity}), which cannot be "
                f"compared with vectors of another model ({identity}); run `patent-spark index` for this "
                "model, or ask with the model of the index",
                identity=identity,
                index=self.about.identity,
            )


def _required(encoder: TextEncoder | None) -> TextEncoder:
    if encoder is None:
        raise ValueError("a text needs the encoder that made the index")
    return encoder


def _key_of(patent: str) -> int:
    key: int | None = read_ids(pa.array([patent], pa.string())).keys[0].as_py()
    if key is None:
        raise DataError(f"{patent} is not a patent's number, such as 7654321 or RE38999", patent=patent)
    return key


def _neighbor(patent: ShownPatent, similarity: float) -> Neighbor:
    cosine = round(similarity, _DIGITS)
    return Neighbor(
        patent_id=patent.patent_id,
        title=patent.title,
        cpc_class=patent.cpc_class,
        grant_date=patent.grant_date,
        citations=patent.citations,
        similarity=cosine,
        distance=round(1 - cosine, _DIGITS),
    )
