"""The stage text: tokens, vocabulary and skip-gram word vectors.

In: PATENTS, ABSTRACTS, CLAIMS, SPLITS, FAMILIES. Out: TOKENS, VOCABULARY, VECTORS, KEYED_VECTORS.
May import: core, config. Only its module skipgram imports gensim.
"""
