"""How unevenly the citations made are spread over the citing patents."""

from __future__ import annotations

import numpy as np

from patent_spark.stages.simulate.arrays import Floats, Hashes, Ints
from patent_spark.stages.simulate.grant_years import YEAR_COUNT, YEARS
from patent_spark.stages.simulate.hashing import hashes, mix
from patent_spark.stages.simulate.normal import normal_quantiles
from patent_spark.stages.simulate.population import Population


class CitingSkew:
    """Turns evenly spread citing patents into skewed ones: few make many citations, most make few.

    Each patent is exchanged for one in its block of 2**k neighbours. The places of a block have log-normal
    weights. Their spread follows from the grant year's mean and median of citations made; a permutation of
    the block decides which patent has which place.
    """

    _CELLS = 4096

    def __init__(self, population: Population) -> None:
        self._population = population
        self._bits = int(np.clip(np.log2(population.size / 300), 4, 8))
        places = 2**self._bits
        scores = normal_quantiles((np.arange(places) + 0.5) / places)
        cells = (np.arange(self._CELLS) + 0.5) / self._CELLS
        spread = [
            np.sqrt(np.clip(2 * np.log(year.mean_backward / year.median_backward), 0.2, 4.0))
            for year in YEARS
        ]
        self._table = np.empty((YEAR_COUNT, self._CELLS), np.int64)
        for year, sigma in enumerate(spread):
            weights = np.cumsum(np.exp(sigma * scores))
            self._table[year] = np.searchsorted(weights / weights[-1], cells)

    def skew(self, index: Ints, values: Hashes) -> Ints:
        """A neighbour of each index, chosen by one hash each."""
        block = index >> self._bits
        year = np.minimum(
            np.searchsorted(self._population.calendar.year_starts, index, side="right") - 1, YEAR_COUNT - 1
        )
        place = self._table[year, (values >> np.uint64(52)).astype(np.int64)]
        factor, shift = self._permutation(block)
        return np.add(block << self._bits, (factor * place + shift) & self._mask)

    def shares(self, index: Ints) -> Floats:
        """For each patent the share of its block that makes fewer citations, in (0, 1)."""
        factor, shift = self._permutation(index >> self._bits)
        inverse = factor  # modulo 2**3; each step doubles the bits
        for _ in range(3):
            inverse = (inverse * (2 - factor * inverse)) & self._mask
        place = (inverse * ((index & self._mask) - shift)) & self._mask
        return (place + 0.5) / (self._mask + 1)

    @property
    def _mask(self) -> int:
        return (1 << self._bits) - 1

    def _permutation(self, block: Ints) -> tuple[Ints, Ints]:
        """Factor and shift of a block: the patent at a place is factor * place + shift."""
        order = hashes(self._population.seed, "hubs", block)
        factor = (order & np.uint64(self._mask)).astype(np.int64) | 1
        return factor, (mix(order) & np.uint64(self._mask)).astype(np.int64)
