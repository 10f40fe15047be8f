"""Days some months later, as a calendar has them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def months_later(days: pd.Series, months: int) -> NDArray[np.datetime64]:
    """The same day of the month so many months later, or that month's last day where it is shorter."""
    dates = days.to_numpy("datetime64[D]")
    first = dates.astype("datetime64[M]")
    later = first + months
    last = (later + 1).astype("datetime64[D]") - 1
    return np.minimum(later.astype("datetime64[D]") + (dates - first.astype("datetime64[D]")), last)
