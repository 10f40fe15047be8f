"""Features that were not known on the day of the grant."""

from __future__ import annotations

import pandas as pd

from patent_spark.config import CITATION_LEVEL, Config
from patent_spark.core.store import Store
from patent_spark.stages.audit.warehouse import Warehouse
from tests.support.corruption import rewrite, rolled, with_examples
from tests.support.leaks.leak import Leak


def later_relatives(store: Store) -> None:
    """Relatives count whenever they were granted."""
    warehouse = Warehouse(store, Config())
    links = [each for each in (warehouse.abstract_families, warehouse.document_links) if each is not None]
    pairs = pd.concat(each.merge(each, on="link")[["patent_key_x", "patent_key_y"]] for each in links)
    standing = pairs["patent_key_y"].isin(warehouse.valid_patents["patent_key"])
    sizes = pairs[standing].groupby("patent_key_x")["patent_key_y"].nunique()
    rewrite(
        store, "FEATURES", lambda frame: frame.assign(family_size=frame["patent_key"].map(sizes).fillna(1))
    )


def citations_received(store: Store) -> None:
    """Citations that a patent receives stand among those that it makes."""
    received = store.read_arrow("COUNTS").to_pandas().set_index("patent_key")["forward_citations"]

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(citations_made=frame["citations_made"] + frame["patent_key"].map(received))

    rewrite(store, "FEATURES", change)


LEAKS = (
    Leak("the size of a family counts later patents", "features_lookahead", later_relatives, CITATION_LEVEL),
    Leak(
        "citations received count as citations made", "features_lookahead", citations_received, CITATION_LEVEL
    ),
    Leak(
        "features of the examples are shifted by a row",
        "features_lookahead",
        with_examples(CITATION_LEVEL, rolled("features")),
        CITATION_LEVEL,
    ),
)
