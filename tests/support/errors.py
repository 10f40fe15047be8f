"""Tests assert the class of an error and its facts, not its wording."""

from contextlib import contextmanager

import pytest

from patent_spark.config import PatentSparkError


@contextmanager
def raises(kind: type[PatentSparkError], **facts):
    """Expect an error of exactly this class with at least these facts, each mentioned in its message."""
    with pytest.raises(kind) as caught:
        yield caught
    error = caught.value
    assert type(error) is kind
    assert error.facts | facts == error.facts, f"expected {facts}, not {error.facts}: {error}"
    message = str(error)
    for value in facts.values():
        shown = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
        assert shown in message or str(value) in message, f"{value!r} is not in the message: {message}"
