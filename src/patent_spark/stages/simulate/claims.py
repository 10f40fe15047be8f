"""The claims of patents. The first has the signals of the abstract; the others refer to it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from patent_spark.stages.simulate.arrays import Ints
from patent_spark.stages.simulate.grant_years import FIRST_YEAR
from patent_spark.stages.simulate.hashing import ragged
from patent_spark.stages.simulate.population import DESIGN, Patents
from patent_spark.stages.simulate.texts import Texts
from patent_spark.stages.simulate.tsv import Columns


def claims(
    texts: Texts,
    patents: Patents,
    ids: pa.Array,
    counts: Ints,
    text_class: Ints,
    level_row: Ints,
) -> Columns:
    """Rows of the yearly files: `counts` claims per patent. The only claim of a design has no signal."""
    owner, place = ragged(counts)
    further = place > 0
    firsts = texts.first_claims(patents.index, text_class, level_row)
    design = pa.array(patents.kind == DESIGN)
    firsts = pc.binary_join_element_wise(
        "1. ", pc.if_else(design, "The ornamental design, as shown.", firsts), ""
    )
    others = texts.further_claims(patents.index[owner[further]], place[further], text_class[owner[further]])
    number = pc.cast(pa.array(place + 1), pa.string())
    others = pc.binary_join_element_wise(
        number.filter(pa.array(further)), ". The subject of claim 1, wherein ", others, ""
    )
    at = np.where(further, len(firsts) + np.cumsum(further) - 1, owner)
    return {
        "id": ids.take(pa.array(owner)),
        "year": pa.array(patents.year[owner] + FIRST_YEAR),
        "sequence": pa.array(place.astype(np.int32)),
        "claim": pa.concat_arrays([firsts, others]).take(pa.array(at)),
        "dependent": pc.if_else(pa.array(further), "claim 1", ""),
        "claim_number": pc.utf8_lpad(number, 5, "0"),
        "exemplary": pa.array((~further).astype(np.int8)),
    }
