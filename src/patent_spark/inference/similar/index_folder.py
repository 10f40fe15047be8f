"""INDEX/<kind of vector>: the files of an index.

index.json         what made the vectors and how they are searched (core.metadata.IndexedVectors)
patents.arrow      the patents in the order of the vectors: what filters read and what is shown
vectors.faiss      the vectors, and their graph
projection.npz     from an encoder's vectors to these
words/             the word vectors, of an index of averages
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from patent_spark.core.errors import DataError
from patent_spark.core.metadata import IndexedVectors
from patent_spark.core.store import Store
from patent_spark.inference.similar.patents import IndexedPatents
from patent_spark.inference.similar.projection import Projection
from patent_spark.inference.similar.vector_index import VectorIndex

INDEX = "INDEX"
_ABOUT = "index.json"


class IndexFolder:
    """An index on disk; files are opened when they are needed."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self.folder, self._threads = folder, threads

    @classmethod
    def current(cls, store: Store, vectors: str = "", threads: int = 1) -> IndexFolder:
        """That of the current INDEX. vectors: document or words; empty: the first that there is.

        Raises DataError when there is none.
        """
        home = store.directory(INDEX)
        kinds = sorted(path.parent.name for path in home.glob(f"*/{_ABOUT}"))
        if not kinds or vectors not in ("", *kinds):
            raise DataError(
                f"{home} has no {vectors} vectors, only {', '.join(kinds)}; "
                f"run `patent-spark index --set index.vectors=[{vectors}]`",
                setting="index.vectors",
                vectors=vectors,
            )
        return cls(home / (vectors or kinds[0]), threads)

    @property
    def patents_file(self) -> Path:
        """Arrow."""
        return self.folder / "patents.arrow"

    @property
    def vectors_file(self) -> Path:
        """Faiss."""
        return self.folder / "vectors.faiss"

    @property
    def projection_file(self) -> Path:
        """NumPy."""
        return self.folder / "projection.npz"

    @property
    def words_folder(self) -> Path:
        """Word vectors."""
        return self.folder / "words"

    @property
    def about_file(self) -> Path:
        """JSON."""
        return self.folder / _ABOUT

    @cached_property
    def about(self) -> IndexedVectors:
        """index.json; raises DataError when another version wrote it."""
        try:
            return IndexedVectors.model_validate_json(self.about_file.read_bytes())
        except (OSError, ValidationError) as error:
            raise DataError(
                f"{self.about_file} is not an index of this version; run `patent-spark index`",
                file=str(self.about_file),
            ) from error

    @cached_property
    def patents(self) -> IndexedPatents:
        """The patents in the order of the vectors."""
        return IndexedPatents(self.patents_file, self.about.classes)

    @cached_property
    def vectors(self) -> VectorIndex:
        """The vectors."""
        return VectorIndex(self.vectors_file, self._threads)

    @cached_property
    def projection(self) -> Projection:
        """From an encoder's vectors to these."""
        return Projection.read(self.projection_file)
