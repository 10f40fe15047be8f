"""Words that are no English: pronounceable, in lower-case letters alone."""

from __future__ import annotations

from collections.abc import Iterator

_ONSETS = (
    "b", "c", "d", "f", "g", "l", "m", "n", "p", "r", "s", "t", "v", "br", "cl", "dr", "fl", "gr", "pl", "st",
    "tr", "th",
)  # fmt: skip
_CODAS = ("", "n", "r", "s", "x", "l", "m")
_STEPS = {2: 700_001, 3: 7_368_787}
"""The step from one word to the next, by syllables. It is coprime with their number: each comes once."""


def pseudo_words() -> Iterator[str]:
    """Distinct words of two, then three syllables, in an order that looks random."""
    syllables = [onset + vowel for onset in _ONSETS for vowel in "aeiou"]
    base = len(syllables)
    for length, step in _STEPS.items():
        total = base**length * len(_CODAS)
        for k in range(total):
            rest, coda = divmod(k * step % total, len(_CODAS))
            parts = []
            for _ in range(length):
                rest, syllable = divmod(rest, base)
                parts.append(syllables[syllable])
            yield "".join(parts) + _CODAS[coda]
