"""The words nearest to a word by its current vector: the table of the paper's Appendix A."""

from __future__ import annotations

from patent_spark.config import Config, ConfigError
from patent_spark.core.store import open_store
from patent_spark.core.word_vectors import WordVectors


def similar_words(config: Config, word: str, top: int) -> str:
    """A table of words with cosine similarity and count, the nearest first.

    Raises ConfigError for a word that is not in the vocabulary.
    """
    if top < 1:
        raise ConfigError(f"--top {top}: must be 1 or more", top=top)
    known = WordVectors(open_store(config.warehouse).read_arrow("VECTORS"))
    word = word.lower()
    if word not in known.counts:
        raise _unknown_word(known, word)
    near = known.nearest(word, top)
    width = max((len(each.word) for each in near), default=0)
    title = f"similar words to {word} ({known.counts[word]:,} times in the training text)"
    return "\n".join(
        [title, *(f"{each.word:{width}}  {each.cosine:6.3f}  {each.count:>11,}" for each in near)]
    )


def _unknown_word(known: WordVectors, word: str) -> ConfigError:
    alike = known.spelt_like(word)
    hint = f"; spelt alike: {', '.join(alike)}" if alike else ""
    return ConfigError(
        f"{word} is not among the {len(known.words):,} words of the vocabulary{hint}",
        word=word,
        words=len(known.words),
    )
