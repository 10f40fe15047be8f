"""The sentences of gates."""

from __future__ import annotations

from patent_spark.refresh.report_schema import GateResult, RefreshRecord
from patent_spark.reporting.html import form


def gate_message(result: GateResult) -> str:
    """What a gate measured of what, and its limit, without a full stop."""
    if result.value is None:
        return f"{result.gate} of {result.subject}: {result.reason}"
    bound = "at least" if result.at_least else "at most"
    value, limit = form(result.value, result.form), form(result.limit, result.form)
    return f"{result.gate} of {result.subject}: {value} ({bound} {limit} allowed), {result.reason}"


def outcome(record: RefreshRecord | None) -> str:
    """What `patent-spark refresh` prints at its end; None: there was no new release."""
    if record is None:
        return "nothing new: the newest release was refreshed before"
    if record.verdict == "running":
        return f"release {record.release_id}: done through {record.stages[-1].stage}; the next call goes on"
    names = ", ".join(f"{model} {address or 'none'}" for model, address in record.champions.items())
    return f"release {record.release_id} is published; champions: {names}"
