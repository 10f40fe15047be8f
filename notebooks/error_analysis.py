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
# # Error analysis: where the model is wrong
#
# By class, grant year, length of the text and share of known words. Set `PATENT_SPARK_WAREHOUSE` to a
# warehouse folder or a YAML file, and `TASK` to the task.

# %%
import os

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import PercentFormatter

import patent_spark
from patent_spark.reporting.plots import BLUE, GREY, RAMP, plain

# %matplotlib inline

PERCENT = "{x:.0%}"
TASK = "technology"  # or citation_level
warehouse = patent_spark.open_warehouse(os.environ.get("PATENT_SPARK_WAREHOUSE", "warehouse"))
metrics = warehouse.metrics(TASK)
accuracy = pd.Series(
    {"this model": metrics.accuracy, **{name: each.accuracy for name, each in metrics.baselines.items()}}
)
accuracy.rename("accuracy").to_frame().sort_values("accuracy", ascending=False).style.format("{:.1%}")

# %% [markdown]
# ## The test patents, with what the model could read of them

# %%
columns = ["patent_key", "patent_id", "cpc_class", "truth", "predicted", "probability"]
predictions = warehouse.table("PREDICTIONS", ["task", *columns]).query("task == @TASK")[columns]
known_words = set(warehouse.table("VOCABULARY", ["word"])["word"])
tokens = warehouse.table("TOKENS", ["patent_key", "tokens"])
tokens = tokens[tokens["patent_key"].isin(predictions["patent_key"])]
tokens["words"] = tokens["tokens"].map(len)
tokens["known"] = tokens["tokens"].map(lambda text: np.mean([word in known_words for word in text]))
patents = warehouse.table("PATENTS", ["patent_key", "title", "grant_date"])
rows = predictions.merge(patents, on="patent_key").merge(tokens.drop(columns="tokens"), on="patent_key")
rows["year"] = pd.to_datetime(rows["grant_date"]).dt.year
rows["right"] = rows["truth"] == rows["predicted"]
f"{len(rows):,} test patents, {1 - rows['right'].mean():.1%} wrong"


# %%
def share_right(groups):
    """One row per group of ten patents or more: share right, and its 95 % interval (Wilson)."""
    table = rows.groupby(groups, observed=True)["right"].agg(patents="size", right="mean")
    table = table[table["patents"] >= 10]
    n, p, z = table["patents"], table["right"], 1.96
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return table.assign(low=middle - half, high=middle + half)


def draw(axes, table, label):
    """Points with intervals; a horizontal line at the share right of all."""
    places = np.arange(len(table))
    axes.vlines(places, table["low"], table["high"], color="#c9d1d9", linewidth=3)
    axes.scatter(places, table["right"], color=BLUE, zorder=3, s=24)
    axes.axhline(rows["right"].mean(), color=GREY, linewidth=1, linestyle="--")
    axes.set_xticks(places, table.index, rotation=45 if len(table) > 8 else 0)
    axes.set(xlabel=label, ylim=(max(0, table["low"].min() - 0.05), 1.02))
    axes.yaxis.set_major_formatter(PERCENT)
    plain(axes)


# %% [markdown]
# ## By class, year, length and known words
#
# Bars are 95 % intervals; the dashed line is the share right of all test patents.

# %%
years = rows["year"] // 5 * 5
lengths = pd.cut(rows["words"], [0, 25, 50, 75, 100, 150, 200, 10**6], right=False)
lengths = lengths.cat.rename_categories(["< 25", "25–49", "50–74", "75–99", "100–149", "150–199", "200 +"])
known = pd.cut(rows["known"], [-0.01, 0.8, 0.9, 0.95, 0.98, 0.999, 1])
known = known.cat.rename_categories(["< 80 %", "80–90 %", "90–95 %", "95–98 %", "98–100 %", "all"])
figure, grid = plt.subplots(2, 2, figsize=(10, 6), layout="constrained", sharey=False)
common = rows["cpc_class"].where(rows["cpc_class"].isin(rows["cpc_class"].value_counts().index[:16]))
for axes, groups, label in zip(
    grid.flat,
    (common, years, lengths, known),
    ("class", "grant year, five at a time", "words of the text", "words that the model knows"),
    strict=True,
):
    draw(axes, share_right(groups), label)
grid[0, 0].set_ylabel("right")
grid[1, 0].set_ylabel("right")

# %% [markdown]
# ## Which labels are taken for which
#
# Of the patents of each label, the share that got each prediction; the diagonal is left out.

# %%
top = rows["truth"].value_counts().index[:16]
confusion = pd.crosstab(rows["truth"], rows["predicted"], normalize="index").reindex(index=top, columns=top)
confusion = confusion.fillna(0.0)
off = confusion.mask(np.eye(len(top), dtype=bool))
figure, axes = plt.subplots(figsize=(1.6 + 0.42 * len(top), 1.0 + 0.36 * len(top)), layout="constrained")
image = axes.imshow(off, cmap=LinearSegmentedColormap.from_list("ramp", RAMP), vmin=0, aspect="auto")
axes.set_xticks(range(len(top)), top, rotation=45)
axes.set_yticks(range(len(top)), top)
axes.set(xlabel="predicted", ylabel="true label")
axes.tick_params(labelsize=8.5, length=0)
axes.spines[:].set_visible(False)
bar = figure.colorbar(image, ax=axes, format=PercentFormatter(1, decimals=0), shrink=0.8)
bar.outline.set_visible(False)

# %%
pairs = rows[~rows["right"]].groupby(["truth", "predicted"]).size().nlargest(10)
pairs.rename("patents").reset_index()

# %% [markdown]
# ## Is it right as often as it says?
#
# Test patents in ten groups by the probability of the predicted label. On the dashed line a model means
# what it says.

# %%
groups = pd.qcut(rows["probability"], 10, duplicates="drop")
calibration = share_right(groups).assign(said=rows.groupby(groups, observed=True)["probability"].mean())
figure, axes = plt.subplots(figsize=(4, 3.6), layout="constrained")
low = calibration[["said", "low"]].min().min()
axes.plot([low, 1], [low, 1], color=GREY, linewidth=1, linestyle="--")
axes.vlines(calibration["said"], calibration["low"], calibration["high"], color="#c9d1d9", linewidth=3)
axes.scatter(calibration["said"], calibration["right"], color=BLUE, s=24, zorder=3)
axes.set(xlabel="mean probability of the prediction", ylabel="right")
axes.locator_params(nbins=5, steps=[1, 2, 5, 10])
axes.xaxis.set_major_formatter(PERCENT)
axes.yaxis.set_major_formatter(PERCENT)
plain(axes)

# %% [markdown]
# ## The most confident mistakes
#
# Often the label is doubtful, not the prediction.

# %%
mistakes = rows[~rows["right"]].nlargest(12, "probability")
mistakes[["patent_id", "title", "truth", "predicted", "probability", "words"]].style.format(
    {"probability": "{:.1%}"}
).hide()
