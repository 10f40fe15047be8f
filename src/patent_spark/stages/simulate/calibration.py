"""How often patents are cited, and when patents before 1976 were granted: estimates from public PatentsView
data.
"""

from __future__ import annotations

ZERO_SHARES = ((1976, 0.36), (1985, 0.30), (1995, 0.22), (2000, 0.20), (2004, 0.19))
"""Share of patents without a citation within five years, by grant year up to 2004.

An estimate; linear between the given years.
"""

OVERALL_FORWARD = 3.7
"""Mean five-year citations of all patents granted from 2005 on (3.6 to 3.8).

With the mean among cited patents it gives the share of patents that nobody cites.
"""

SECTION_FORWARD = {
    "A": 1.1, "B": 0.85, "C": 0.75, "D": 0.75, "E": 0.95, "F": 0.85, "G": 1.2, "H": 1.05, "Y": 1.0,
}  # fmt: skip
"""Citations of a section relative to all. The factors are moderate because labels are made within a class."""

OLD_NUMBERS = (1, 100_000, 500_000, 1_000_000, 2_000_000, 3_000_000, 3_930_270)
OLD_NUMBER_YEARS = (1836.5, 1870.2, 1893.5, 1911.6, 1935.3, 1961.7, 1976.0)
"""Grant times of the utility numbers in OLD_NUMBERS, which precede the first day of the data."""
