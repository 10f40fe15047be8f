"""The standard normal distribution.

A release must stay the same to the byte, so SciPy's functions are not used: their last bits differ.
"""

from __future__ import annotations

import math

import numpy as np

from patent_spark.stages.simulate.arrays import Floats

# Coefficients of Acklam's rational approximation: numerator and denominator for the centre, then for the
# tails.
_A = (
    -3.969683028665376e01, 2.209460984245205e02, -2.759285104469687e02,
    1.383577518672690e02, -3.066479806614716e01, 2.506628277459239,
)  # fmt: skip
_B = (
    -5.447609879822406e01, 1.615858368580409e02, -1.556989798598866e02,
    6.680131188771972e01, -1.328068155288572e01,
)  # fmt: skip
_C = (
    -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838,
    -2.549732539343734, 4.374664141464968, 2.938163982698783,
)  # fmt: skip
_D = (7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996, 3.754408661907416)
_TAIL = 0.02425
"""Share of the distribution in either tail."""


def normal_shares(values: Floats) -> Floats:
    """The normal distribution function, for small arrays."""
    return np.array([0.5 + 0.5 * math.erf(value / math.sqrt(2)) for value in values])


def normal_quantiles(values: Floats) -> Floats:
    """Quantiles of the normal distribution at values in (0, 1), to about 1e-9 (Acklam's approximation)."""
    values = np.asarray(values, float)
    tail = np.sqrt(-2 * np.log(np.minimum(values, 1 - values)))
    far = np.polyval(_C, tail) / np.polyval((*_D, 1.0), tail)
    middle = values - 0.5
    near = np.polyval(_A, middle**2) * middle / np.polyval((*_B, 1.0), middle**2)
    return np.where(np.abs(middle) < 0.5 - _TAIL, near, np.where(middle < 0, far, -far))
