"""Hundreds of small random data sets in one set of tables, each with its own ids and classes."""

from __future__ import annotations

import datetime

import numpy as np

DATA_TO_DATE = datetime.date(2010, 2, 28)

DAYS = [
    datetime.date.fromisoformat(day)
    for day in (
        "2004-02-28",
        "2004-02-29",
        "2004-03-01",
        "2004-12-31",
        "2005-01-01",
        "2005-02-27",
        "2005-02-28",
        "2005-03-01",
        "2009-02-27",
        "2009-02-28",
        "2009-03-01",
        "2009-12-31",
        "2010-01-01",
        "2010-02-28",
        "2003-06-17",
        "2008-06-17",
    )
]
"""Grant dates about one or five years apart, around leap days and the last day of the release."""

CATEGORIES = ["cited by examiner", "cited by applicant", "cited by other", None]
PREFIXES = ["", "", "", "D", "RE", "PP", "H0"]


def random_releases(count: int, seed: int) -> dict[str, list[dict]]:
    """Rows of PATENTS, CITATIONS and CPC; every trap of the source data occurs somewhere."""
    random = np.random.default_rng(seed)
    tables: dict[str, list[dict]] = {"PATENTS": [], "CITATIONS": [], "CPC": []}
    for number in range(count):
        for name, rows in _release(random, number).items():
            tables[name] += rows
    return tables


def _release(random: np.random.Generator, number: int) -> dict[str, list[dict]]:
    size = int(random.choice([1, 2, 3, 11, 30, 80]))
    ids = [f"{random.choice(PREFIXES)}{1000 * (number + 1) + i}" for i in range(size)]
    days = (
        random.choice(len(DAYS), size) if random.random() < 0.6 else np.full(size, random.choice(len(DAYS)))
    )
    patents = [
        {
            "patent_id": id_,
            "patent_type": "utility",
            "grant_date": DAYS[day],
            "withdrawn": bool(random.random() < 0.08),
        }
        for id_, day in zip(ids, days, strict=True)
    ]
    return {
        "PATENTS": patents,
        "CITATIONS": _citations(random, ids, number),
        "CPC": _classifications(random, ids, number),
    }


def _citations(random: np.random.Generator, ids: list[str], number: int) -> list[dict]:
    known = [*ids, f"{1000 * (number + 1) + 900}"]  # the last one is in no table of patents
    heavy = random.dirichlet(
        np.full(len(known), random.choice([0.3, 3]))
    )  # few patents get most citations, or not
    rows = []
    for _ in range(int(random.choice([0, 1, 5, 60, 300]))):
        cited = known[random.choice(len(known), p=heavy)] if random.random() < 0.97 else "malformed id"
        rows.append({"patent_id": known[random.choice(len(known))], "citation_patent_id": cited})
    again = [dict(row) for row in rows if random.random() < 0.1]
    return [row | {"citation_category": CATEGORIES[random.choice(4)]} for row in rows + again]


def _classifications(random: np.random.Generator, ids: list[str], number: int) -> list[dict]:
    classes = [f"{letter}{number:03d}" for letter in ("A", "B", "H")]
    rows = []
    for id_ in ids:
        inventional = random.random() < 0.8
        for sequence in random.choice([0, 1, 2, 3, 9, 10, 100], size=int(random.choice([0, 1, 2, 4]))):
            kind = "inventional" if inventional and random.random() < 0.6 else "additional"
            class_ = str(random.choice(classes, p=[0.7, 0.2, 0.1]))
            rows.append(
                {"patent_id": id_, "cpc_sequence": int(sequence), "cpc_class": class_, "cpc_type": kind}
            )
    return rows
