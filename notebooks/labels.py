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
# # Labels: what the label job made of a release
#
# A patent's citation level is its place among the patents of its reference set, by the citations that it
# got within the horizon. Set `PATENT_SPARK_WAREHOUSE` to a warehouse folder or a YAML file.

# %%
import os

import pandas as pd
from matplotlib import pyplot as plt

import patent_spark
from patent_spark.reporting.plots import BLUE, GREY, RAMP, plain

# %matplotlib inline

warehouse = patent_spark.open_warehouse(os.environ.get("PATENT_SPARK_WAREHOUSE", "warehouse"))
warehouse

# %% [markdown]
# ## What there is

# %%
warehouse.tables()

# %% [markdown]
# ## From patents to labels

# %%
labels = warehouse.table("LABELS")
labels["year"] = pd.to_datetime(labels["grant_date"]).dt.year
outcome = (
    labels["citation_level"]
    .where(labels["citation_level"].notna(), "no class")
    .mask(~labels["window_complete"], "open window")
)
ORDER = ["top1", "top10", "btm90", "zerocite", "no class", "open window"]
counts = outcome.value_counts().reindex(ORDER, fill_value=0)
pd.DataFrame({"patents": counts, "share": (counts / counts.sum()).map("{:.1%}".format)})

# %% [markdown]
# ## By grant year
#
# Patents at the right edge have no label yet: their citation window is still open.

# %%
COLORS = [RAMP[7], RAMP[5], RAMP[3], RAMP[1], "#d9dde2", "#f3f5f7"]
by_year = pd.crosstab(labels["year"], outcome).reindex(columns=ORDER, fill_value=0)
figure, axes = plt.subplots(figsize=(9, 3.4), layout="constrained")
axes.stackplot(by_year.index, by_year.T, labels=ORDER, colors=COLORS, linewidth=0)
axes.set(xlabel="grant year", ylabel="patents", xlim=(by_year.index.min(), by_year.index.max()))
handles, names = axes.get_legend_handles_labels()
axes.legend(
    handles[::-1], names[::-1], frameon=False, fontsize=8.5, loc="center left", bbox_to_anchor=(1, 0.5)
)
plain(axes)

# %% [markdown]
# ## Citations within the horizon
#
# Counts are skewed, which is why levels are percentiles. The axis is logarithmic from 1 on.

# %%
labelled = labels[labels["citation_level"].notna()]
at_least = labelled["forward_citations"].value_counts().sort_index()[::-1].cumsum()[::-1] / len(labelled)
figure, axes = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
axes.step(at_least.index, at_least, where="post", color=BLUE, linewidth=2)
axes.set_xscale("symlog", linthresh=1)
axes.set_yscale("log")
axes.set_xlim(0, None)
ticks = [tick for tick in (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if tick <= at_least.index.max()]
axes.set_xticks(ticks, map(str, ticks))
axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
axes.set(xlabel="citations within the horizon, at least", ylabel="share of patents with a label")
plain(axes)

# %% [markdown]
# ## Thresholds by class
#
# The 90th and 99th percentile of each class (the median over its reference sets): what it takes to be
# `top10` and `top1` there.

# %%
thresholds = labelled.groupby("cpc_class")[["q90", "q99"]].median()
sizes = labelled["cpc_class"].value_counts()
thresholds = thresholds.loc[sizes.index[:25]].sort_values("q99")
figure, axes = plt.subplots(figsize=(6.4, 0.8 + 0.24 * len(thresholds)), layout="constrained")
axes.hlines(thresholds.index, thresholds["q90"], thresholds["q99"], color="#c9d1d9", linewidth=3)
axes.scatter(thresholds["q90"], thresholds.index, color=GREY, label="top10 (q90)", zorder=3)
axes.scatter(thresholds["q99"], thresholds.index, color=BLUE, label="top1 (q99)", zorder=3)
axes.set(xlabel="citations within the horizon", xlim=(0, None))
axes.legend(frameon=False, fontsize=8.5, loc="lower right")
plain(axes)
axes.grid(axis="x", color="#e4e7eb")
axes.grid(visible=False, axis="y")

# %% [markdown]
# ## The most cited patents

# %%
titles = warehouse.table("PATENTS", ["patent_id", "title"])
columns = ["patent_id", "title", "grant_date", "cpc_class", "forward_citations", "q99"]
labelled.nlargest(10, "forward_citations").merge(titles, on="patent_id")[columns]
