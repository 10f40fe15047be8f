"""What a person should look at before trusting a release: each doubt is a sentence that says what, how many, and what to do."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from patent_spark.core.schemas import LEVELS, TOP1, ZEROCITE
from patent_spark.stages.quality.summary import OPEN

_ABSENT_SHARE = 0.05
_SHOWN_RANGES = 5
_MONTH = datetime.timedelta(days=31)
_FALL = 0.9
_LEVEL_MOVE = 0.05
_RECLASSIFIED = 0.1
_ZEROCITE_SHARE, _ENOUGH = 0.6, 100  # among real patents 10 to 30 % have no citation within five years
_TOP1_SHARE = 0.02  # 1 % is meant; in pools of fewer than a hundred patents it is whoever leads
_WITHOUT = {
    "PATENTS": "nothing can be labelled",
    "ABSTRACTS": "texts are titles alone",
    "CITATIONS": "every patent counts 0 and would be zerocite",
    "CPC": "no patent has a class, so that neither task has a label",
}


def doubts_about(found: Mapping[str, Any]) -> list[str]:
    """What is odd in a release by itself; `found` is quality.json without its warnings."""
    rows = found["tables"]
    doubts = [
        f"{table} has no rows: {meaning}."
        for table, meaning in _WITHOUT.items()
        if not rows.get(table, {"rows": 1})["rows"]
    ]
    doubts += _about_classification(found) if rows["PATENTS"]["rows"] and rows["CPC"]["rows"] else []
    doubts += _about_dates(found) if rows["PATENTS"]["rows"] else []
    return doubts + _about_levels(found["fates"]) + _about_absent(found)


def doubts_since(compared: Mapping[str, Any]) -> list[str]:
    """What is odd in comparison with the release before."""
    earlier = compared["release_id"]
    doubts = []
    if compared["data_to_date"] < compared["data_to_date_before"]:
        doubts.append(
            f"The data goes to {compared['data_to_date']}, that of {earlier} to {compared['data_to_date_before']}: this is the older release."
        )
    for table, (before, now) in compared["rows"].items():
        if now < _FALL * before:
            doubts.append(
                f"{table} has {now:,} rows, {_percent(1 - now / before)} fewer than the {before:,} of {earlier}; releases only grow."
            )
    if compared["rules"]:
        told = ", ".join(
            f"{name} was {before}, is {now}" for name, (before, now) in compared["rules"].items()
        )
        doubts.append(f"Levels are not compared with those of {earlier}, which other rules made: {told}.")
    for level, (share_before, share_now) in compared["levels"].items():
        if abs(share_now - share_before) > _LEVEL_MOVE:
            doubts.append(
                f"{_percent(share_now)} of the labelled patents are {level}; they were {_percent(share_before)} in {earlier}."
            )
    patents = compared["patents"]
    if patents and patents["class_changed"] > _RECLASSIFIED * patents["both"]:
        doubts.append(
            f"{patents['class_changed']:,} of the {patents['both']:,} patents that {earlier} has too are in another class; expect few."
        )
    if compared["vanished_classes"]:
        doubts.append(f"Classes of {earlier} that are gone: {', '.join(compared['vanished_classes'])}.")
    return doubts


def _about_classification(found: Mapping[str, Any]) -> list[str]:
    patents, cpc = (found["tables"][table]["rows"] for table in ("PATENTS", "CPC"))
    if cpc >= patents:
        return []
    return [
        f"CPC has {cpc:,} rows for {patents:,} patents; a whole release has about six for each. Most patents may be without a class."
    ]


def _about_dates(found: Mapping[str, Any]) -> list[str]:
    release, fates = found["release"], found["fates"]
    doubts = []
    to_date, newest = (
        datetime.date.fromisoformat(release[name]) for name in ("data_to_date", "newest_grant")
    )
    if "newest" in release["data_to_date_from"]:
        doubts.append(
            f"The release does not say up to when its data goes; its newest grant date {newest} was taken (release.data_to_date sets it)."
        )
    if to_date - newest > _MONTH:
        doubts.append(
            f"The newest patent is of {newest}, yet data_to_date is {to_date}: "
            "windows count as closed whose last citations are not in the release; set release.data_to_date or look for missing patents."
        )
    standing = sum(fates.values())
    if standing and fates[OPEN] == standing:
        doubts.append(
            f"data_to_date {to_date} lies before the end of every citation window: none of {standing:,} patents has a level. "
            "Set release.data_to_date or a smaller label.horizon_months."
        )
    return doubts


def _about_levels(fates: Mapping[str, int]) -> list[str]:
    labelled = sum(fates[level] for level in LEVELS)
    if labelled < _ENOUGH:
        return []
    shares = {
        level: f"{_percent(fates[level] / labelled)} of the {labelled:,} patents with a level are {level}"
        for level in (TOP1, ZEROCITE)
    }
    doubts = []
    if fates[ZEROCITE] > _ZEROCITE_SHARE * labelled:
        doubts.append(f"{shares[ZEROCITE]}: the release holds few of their citations.")
    if fates[TOP1] > _TOP1_SHARE * labelled:
        doubts.append(
            f"{shares[TOP1]}, and 1 % is meant: most pools hold so few patents that whoever leads is above the 99th percentile; see label.reference_set."
        )
    return doubts


def _about_absent(found: Mapping[str, Any]) -> list[str]:
    doubts = []
    absent, of = found["citations_of_1976_and_later"]["absent"], found["citations_of_1976_and_later"]["all"]
    if absent > _ABSENT_SHARE * of:
        doubts.append(
            f"{_percent(absent / of)} of the citations of patents of 1976 and later ({absent:,} of {of:,}) are of patents that PATENTS lacks; "
            "what these patents cite is lost too, so that counts are too low."
        )
    ranges = sorted(found["missing_ranges"], key=lambda each: -each["citations"])
    if ranges:
        shown = [
            f"{each['first']:,} to {each['last']:,} ({each['citations']:,} citations)"
            for each in ranges[:_SHOWN_RANGES]
        ]
        more = f" and {len(ranges) - len(shown):,} further ranges" if len(ranges) > len(shown) else ""
        doubts.append(
            f"PATENTS lacks the cited numbers {', '.join(shown)}{more}: is a part of the patent file missing?"
        )
    return doubts


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
