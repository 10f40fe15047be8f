# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Word vectors
#
# The nearest words of some words, as in Appendix A of the paper, and a map of the most characteristic words
# of each technology class. Set `PATENT_SPARK_WAREHOUSE` to a warehouse folder or a YAML file.

# %%
import os

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib import pyplot as plt
from sklearn.manifold import TSNE

import patent_spark
from patent_spark.reporting.plots import INK

# %matplotlib inline

warehouse = patent_spark.open_warehouse(os.environ.get("PATENT_SPARK_WAREHOUSE", "warehouse"))
words = warehouse.word_vectors
f"{len(words.words):,} words"

# %% [markdown]
# ## Nearest words
#
# The paper's words, or frequent ones where the vocabulary does not have them.

# %%
PAPER = ["vehicle", "software", "inventory", "laser", "antibody"]
frequent = [word for word in words.words[100:] if len(word) > 5]
asked = ([word for word in PAPER if word in words.counts] + frequent)[:5]
pd.DataFrame(
    {word: [f"{near.word}  {near.cosine:.2f}" for near in words.nearest(word, 10)] for word in asked}
)

# %% [markdown]
# ## Words that are typical of a class
#
# A word is typical of the class in whose patents it stands most often, compared with all patents.

# %%
tokens = warehouse.table("TOKENS", ["patent_key", "tokens"]).sample(frac=1, random_state=0)[:5_000]
classes = warehouse.table("LABELS", ["patent_key", "cpc_class"]).dropna()
largest = classes["cpc_class"].value_counts().index[:8]
rows = tokens.merge(classes[classes["cpc_class"].isin(largest)], on="patent_key")
pairs = rows[["cpc_class", "tokens"]].explode("tokens").rename(columns={"tokens": "word"})
table = pd.crosstab(pairs["word"], pairs["cpc_class"])
table = table[(table.sum(axis=1) >= 20) & table.index.isin(words.words)]
lift = (table + 1).div((table + 1).sum()).div((table.sum(axis=1) + len(largest)) / table.values.sum(), axis=0)
typical = lift.idxmax(axis=1)[lift.max(axis=1).sort_values(ascending=False).index]
typical = typical.groupby(typical).head(25)
typical.reset_index().groupby(0)["word"].apply(lambda group: ", ".join(group[:8])).rename(
    "typical words"
).to_frame()

# %% [markdown]
# ## A map in two dimensions
#
# t-SNE of the vectors: near words are near, but distances between groups and their sizes mean nothing.

# %%
vectors = warehouse.table("VECTORS", ["word", "vector"]).set_index("word")["vector"]
matrix = np.stack(vectors[typical.index])
matrix = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
tsne = TSNE(perplexity=min(20, len(matrix) / 4), init="pca", method="exact", max_iter=500, random_state=0)
places = tsne.fit_transform(matrix)

figure, axes = plt.subplots(figsize=(8.5, 6.5), layout="constrained")
colors = dict(zip(sorted(largest), colormaps["tab10"].colors, strict=False))
for name, color in colors.items():
    own = (typical == name).to_numpy()
    axes.scatter(*places[own].T, s=14, color=color, label=name)
axes.legend(frameon=False, fontsize=8.5, loc="center left", bbox_to_anchor=(1, 0.5), title="class")
axes.set(xticks=[], yticks=[])
width, height = np.ptp(places, axis=0) * (0.11, 0.025)
written = np.full((1, 2), np.inf)
for place, word in zip(places, typical.index, strict=True):  # the most typical first, where there is room
    if not (np.abs(written - place) < (width, height)).all(axis=1).any():
        axes.annotate(
            word, place, xytext=(4, 0), textcoords="offset points", fontsize=7.5, color=INK, va="center"
        )
        written = np.vstack([written, place])
axes.spines[:].set_color("#e4e7eb")

# %% [markdown]
# ## How alike are neighbours?

# %%
sample = np.unique(np.geomspace(1, len(words.words), 300).astype(int)) - 1  # frequent and rare words alike
unit = np.stack(vectors)
unit /= np.linalg.norm(unit, axis=1, keepdims=True)
cosines = unit[sample] @ unit.T
cosines[np.arange(len(sample)), sample] = -1
occurrences = [words.counts[words.words[place]] for place in sample]
figure, axes = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
axes.scatter(occurrences, cosines.max(axis=1), s=10, color="#00425e", alpha=0.6)
axes.set(xscale="log", xlabel="occurrences of the word", ylabel="cosine of its nearest word", ylim=(0, 1.02))
axes.spines[["top", "right"]].set_visible(False)
