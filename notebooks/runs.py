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
# # Runs: one configuration against another
#
# Two trainings of each task, from MLflow: by default the newest run whose name begins with `default`
# against the newest that begins with `paper`, else the two newest. A run is named with `--set
# tracking.run_name=paper`. Set `PATENT_SPARK_WAREHOUSE` to a warehouse folder or a YAML file.
#
# `patent-spark compare` adds intervals for the differences.

# %%
import os
import warnings

import pandas as pd
from matplotlib import pyplot as plt

import patent_spark
from patent_spark.reporting.plots import BLUE, plain

# %matplotlib inline
warnings.filterwarnings("ignore", "IProgress not found")  # of MLflow's progress bars

warehouse = patent_spark.open_warehouse(os.environ.get("PATENT_SPARK_WAREHOUSE", "warehouse"))
FIRST, SECOND = "default", "paper"
COLORS = (BLUE, "#c05621")

# %% [markdown]
# ## All trainings

# %%
runs = warehouse.runs()
trainings = runs[runs["task"].isin(["technology", "citation_level", "joint"])]
shown = [column for column in ("train_loss", "dev_loss", "dev_accuracy") if column in trainings]
shown += sorted(column for column in trainings if column.endswith(("/accuracy", "/top1_pr_auc")))[:4]
trainings[["name", "task", "status", "started", "seconds", *shown]].head(20)


# %% [markdown]
# ## The two of each task


# %%
def chosen(task):
    """Ids of the runs to compare, by the name in plots; one when there is only one."""
    finished = trainings[(trainings["task"] == task) & (trainings["status"] == "FINISHED")]
    named = {name: finished[finished["name"].str.startswith(name)].index for name in (FIRST, SECOND)}
    if all(len(ids) for ids in named.values()):
        return {name: ids[0] for name, ids in named.items()}
    newest = finished.head(2)[::-1]
    return {f"{row['name']} ({run_id[:8]})": run_id for run_id, row in newest.iterrows()}


pairs = {task: ids for task in ("technology", "citation_level", "joint") if (ids := chosen(task))}
pd.DataFrame(
    [(task, name, run_id) for task, ids in pairs.items() for name, run_id in ids.items()],
    columns=["task", "run", "id"],
)

# %% [markdown]
# ## Where their settings differ

# %%
for task, ids in pairs.items():
    if len(ids) < 2:
        print(f"{task}: only one run")
    else:
        differences = warehouse.setting_differences(*ids.values()).set_axis(list(ids), axis=1)
        display(differences.style.set_caption(task))  # noqa: F821  a notebook has it

# %% [markdown]
# ## Training curves
#
# Solid: development examples. Dotted: training examples.

# %%
MEASURES = ("loss", "accuracy")
figure, grid = plt.subplots(
    len(pairs), 2, figsize=(9, 2.9 * len(pairs)), layout="constrained", squeeze=False, sharex="row"
)
for row, (task, ids) in zip(grid, pairs.items(), strict=True):
    for axes, measure in zip(row, MEASURES, strict=True):
        for (name, run_id), color in zip(ids.items(), COLORS, strict=False):
            curves = warehouse.curves(run_id, [f"dev_{measure}", f"train_{measure}"])
            for column, style in ((f"dev_{measure}", "-"), (f"train_{measure}", ":")):
                if column in curves:
                    label = name if column.startswith("dev") else None
                    axes.plot(curves.index, curves[column], style, color=color, marker="o", ms=4, label=label)
        axes.set(title=f"{task.replace('_', ' ')}: {measure}", xlabel="epoch")
        axes.title.set_fontsize(10)
        axes.xaxis.get_major_locator().set_params(integer=True)
        plain(axes)
    row[0].legend(frameon=False, fontsize=8)

# %% [markdown]
# ## On the test patents
#
# Of tasks with one test set; those with a set for each year are in the report's tables by year.

# %%
tested = [column for column in trainings if column.startswith("test/") and "ece" not in column]
for task, ids in pairs.items():
    table = trainings.loc[list(ids.values()), tested].dropna(axis=1, how="all").T
    table.columns = list(ids)
    if len(ids) == 2:
        table["difference"] = table.iloc[:, 1] - table.iloc[:, 0]
    display(table.round(3).style.format("{:.3f}", na_rep="").set_caption(task))  # noqa: F821

# %% [markdown]
# ## What a training cost

# %%
seconds = trainings.filter(regex="^seconds/").rename(columns=lambda name: name.removeprefix("seconds/"))
if seconds.dropna(how="all").size:
    order = ["simulate", "ingest", "label", "quality", "split", "text", "shard", "train", "evaluate", "audit"]
    newest = seconds.dropna(how="all").iloc[0].reindex(order).dropna()
    figure, axes = plt.subplots(figsize=(6.4, 3.0), layout="constrained")
    bars = axes.barh(newest.index[::-1], newest[::-1], color=BLUE)
    axes.bar_label(bars, fmt="{:.1f} s", padding=3, fontsize=8)
    axes.set(xlabel="seconds, newest run", xlim=(0, newest.max() * 1.12))
    plain(axes)
    axes.grid(visible=False, axis="y")
