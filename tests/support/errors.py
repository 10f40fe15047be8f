"""What tests assert of an error: its class and the facts it is about, never its sentence."""

from contextlib import contextmanager

import pytest

from patent_spark.config import PatentSparkError


@contextmanager
def raises(kind: type[PatentSparkError], **facts):
    """Expect an error of exactly this class with at least these facts; the sentence must mention each of them."""
    with pytest.raises(kind) as caught:
        yield caught
    error = caught.value
    assert type(error) is kind
    assert error.facts | facts == error.facts, f"expected {facts}, found {error.facts}: {error}"
    said = str(error)
    for value in facts.values():
        shown = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
        assert shown in said or str(value) in said, f"{value!r} is not in the message: {said}"
