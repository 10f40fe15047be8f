"""The state of a warehouse for a person to read."""

from __future__ import annotations

from patent_spark.refresh.overview_schema import Champion, NextCall, StageState, WarehouseStatus
from patent_spark.refresh.report_schema import RefreshStatus
from patent_spark.reporting.html import aligned


def as_text(status: WarehouseStatus) -> str:
    """Warehouse, last refresh, champions, next call, and a line per stage."""
    release = f"{status.release_id or 'no release'}"
    if status.data_to_date:
        release += f", data to {status.data_to_date}"
    rows = [
        ("warehouse", f"{status.root}, {_megabytes(status.bytes)}"),
        ("release", release),
        *(("refresh", line) for line in _refresh(status.refresh, status.worker)),
        *(("champion", _champion(each)) for each in status.champions),
    ]
    if status.champions_problem:
        rows.append(("champion", f"unknown: {status.champions_problem}"))
    if status.candidates:
        rows.append(("candidates", f"not published: {', '.join(sorted(status.candidates))}"))
    rows.append(("next call", _next_call(status.next_call)))
    return "\n".join([*(line.rstrip() for line in aligned(rows)), "", *_stages(status.stages)])


def _refresh(status: RefreshStatus, worker: dict[str, str]) -> list[str]:
    last = status.last
    if last is None:
        return ["never"]
    lines = [f"{last.verdict}, release {last.release_id}, begun {last.started}"]
    if last.verdict == "running":
        at_work = f"process {worker.get('process')} on {worker.get('host')} is at work"
        lines.append(at_work if worker else "its process is gone; the next call goes on")
    elif last.finished:
        lines[0] += f", ended {last.finished}"
    if last.message:
        lines.append(last.message)
    published = status.published
    if published is not None and published != last:
        lines.append(f"published before: release {published.release_id}, {published.finished}")
    return [*lines, f"last looked for a release {status.checked}"]


def _champion(champion: Champion) -> str:
    if champion.address is None:
        return f"{champion.model}: none"
    since = f"since {champion.promoted_at}" if champion.promoted_at else "since an unknown day"
    return f"{champion.model}: {champion.address}, release {champion.release_id or 'unknown'}, {since}"


def _next_call(call: NextCall) -> str:
    if call.problem:
        return f"unknown: {call.problem}"
    if not call.new:
        return f"nothing new: {call.release_id} was refreshed before"
    parts = ["fetch its files"] if call.fetches else []
    parts.append(f"run {', '.join(call.runs)}")
    if call.reuses:
        parts.append(f"reuse {', '.join(call.reuses)}")
    return f"release {call.release_id}: {'; '.join(parts)}"


def _stages(stages: tuple[StageState, ...]) -> list[str]:
    if not stages:
        return ["no stage has run yet"]
    rows = [("stage", "version", "release", "size", "versions", "tables")]
    for stage in stages:
        tables = ", ".join(f"{name} {size['rows']:,}" for name, size in stage.tables.items())
        size, versions = _megabytes(stage.bytes), str(stage.kept_versions)
        rows.append((stage.stage, stage.version, stage.release_id, size, versions, tables or "-"))
    return aligned(rows)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
