"""The error of a source that does not give what it should."""

from __future__ import annotations

from patent_spark.core.errors import WorkError


class SourceError(WorkError):
    """A source refuses, is not reachable, or answers something unexpected. Nothing is tried again by itself.

    Facts: `status` of the answer, `host`, `file`, and `retry_at` (UTC) when the source said when to come
    back.
    """
