"""FEATURES from small tables: what was known on the day of each grant, written by hand."""

import datetime

import pytest

from patent_spark.core.feature_values import feature_values
from patent_spark.core.features import FEATURES
from tests.support.factories import table_of

D = datetime.date
ALL = tuple(FEATURES)
DAYS = {
    1: D(2001, 2, 6),
    2: D(2003, 2, 4),
    3: D(2003, 2, 4),
    4: D(2005, 2, 1),
    5: D(2007, 2, 6),
    6: D(1999, 2, 2),
}
TABLES = {
    "PATENTS": [
        {
            "patent_key": key, "grant_date": day, "withdrawn": key == 6,
            "num_claims": {1: 12, 2: 0}.get(key), "patent_type": None if key == 4 else "utility",
        }
        for key, day in DAYS.items()
    ],
    "ABSTRACTS": [
        {"patent_key": 1, "abstract": "A glove."},
        {"patent_key": 4, "abstract": "a  GLOVE."},
        {"patent_key": 5, "abstract": "A hat."},
        {"patent_key": 6, "abstract": "A glove."},
    ],
    "CITATIONS": [
        {"citing_key": 1, "cited_key": 8, "citation_category": "cited by examiner"},
        {"citing_key": 1, "cited_key": None, "citation_category": "cited by applicant"},
        {"citing_key": 1, "cited_key": 9, "citation_category": "cited by applicant"},
        {"citing_key": 1, "cited_key": 7, "citation_category": None},
        {"citing_key": 1, "cited_key": 7, "citation_category": "cited by other"},
        {"citing_key": 2, "cited_key": 1, "citation_category": "cited by examiner"},
        *({"citing_key": 4, "cited_key": cited, "citation_category": None} for cited in (1, 1, 2, 5, 6)),
        {"citing_key": 99, "cited_key": 1, "citation_category": "cited by examiner"},
    ],
    "CPC": [
        {"patent_key": 1, "cpc_sequence": 3, "cpc_class": "A61", "cpc_type": "inventional"},
        {"patent_key": 1, "cpc_sequence": 1, "cpc_class": "H04", "cpc_type": "inventional"},
        {"patent_key": 1, "cpc_sequence": 0, "cpc_class": "Y02", "cpc_type": "additional"},
        {"patent_key": 2, "cpc_sequence": 0, "cpc_class": "Y02", "cpc_type": "additional"},
    ],
    # 2 and 3 name parent 1, 5 names 2; 6 is withdrawn. 10, which is not in PATENTS, connects 1 with 5.
    "RELATED_DOCUMENTS": [
        {"patent_key": child, "relation": "division", "related_kind": "parent-grant", "related_key": parent}
        for child, parent in ((2, 1), (3, 1), (5, 2), (6, 1), (10, 1), (10, 5))
    ],
}  # fmt: skip


@pytest.fixture
def values(session):
    def values(names, keys=(1, 2, 3, 4, 5)):

        frames = {name: session.createDataFrame(table_of(name, TABLES[name])) for name in TABLES}
        patents = session.createDataFrame([(key,) for key in keys], "patent_key bigint")
        rows = feature_values(names, patents, frames.__getitem__).collect()
        assert len(rows) == len(keys)
        return {row["patent_key"]: row.asDict() for row in rows}

    return values


@pytest.mark.engine
def test_the_values(values):
    found = values(ALL)
    assert {key: (row["num_claims"], row["patent_type"]) for key, row in found.items()} == {
        1: (12, "utility"), 2: (0, "utility"), 3: (None, "utility"), 4: (None, None), 5: (None, "utility"),
    }  # fmt: skip
    citations = ("citations_made", "examiner_citations", "applicant_citations", "other_citations")
    assert {key: tuple(row[name] for name in citations) for key, row in found.items()} == {
        1: (5, 1, 2, 2), 2: (1, 1, 0, 0), 3: (0, 0, 0, 0), 4: (5, 0, 0, 5), 5: (0, 0, 0, 0),
    }  # fmt: skip
    assert {key: (row["inventional_codes"], row["cpc_class"]) for key, row in found.items()} == {
        1: (2, "H04"), 2: (0, "Y02"), 3: (0, None), 4: (0, None), 5: (0, None),
    }  # fmt: skip
    # 1 cites none that is known, 2 cites 1, of 728 days. 4 cites 1 twice, of 1,456 days, and 2, of 728 days:
    # 1,213 days; neither 5, which is later, nor the withdrawn 6 counts.
    assert {key: row["citation_age_months"] for key, row in found.items()} == {
        1: None, 2: 23, 3: None, 4: 39, 5: None,
    }  # fmt: skip
    # 1 has none before it; 2 and 3 have their parent 1 and, of the same day, each other; 4 has the abstract
    # of 1; 5 has its parent 2.
    assert {key: row["family_size"] for key, row in found.items()} == {1: 1, 2: 3, 3: 3, 4: 2, 5: 2}


@pytest.mark.engine
def test_only_what_is_asked_for(values):
    found = values(["claims", "text_length"], keys=(1, 4))
    assert {key: row["num_claims"] for key, row in found.items()} == {1: 12, 4: None}
    others = set(found[1]) - {"patent_key", "num_claims"}
    assert all(row[name] is None for row in found.values() for name in others)
    assert values(["text_length"], keys=(1,))[1]["num_claims"] is None
