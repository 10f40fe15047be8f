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
# # Use the model from Python
#
# The champion answers about texts: `predict` one, `score` many, find `similar` patents. Nothing here needs
# TensorFlow. Before it, `patent-spark register` makes a champion and `patent-spark index` the index. Set
# `PATENT_SPARK_WAREHOUSE` to a warehouse folder or a YAML file.

# %%
import os

import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.ticker import PercentFormatter

import patent_spark
from patent_spark.reporting.plots import BLUE, RAMP, plain

# %matplotlib inline

warehouse = patent_spark.open_warehouse(os.environ.get("PATENT_SPARK_WAREHOUSE", "warehouse"))
model = patent_spark.load_model("champion", warehouse)  # or models:/<name>/<number>, run:<id>, a folder
model

# %% [markdown]
# ## One text
#
# Here a patent of the warehouse; type a title and an abstract of your own.

# %%
patents = warehouse.table("PATENTS", ["patent_key", "patent_id", "title", "grant_date"])
texts = patents.merge(warehouse.table("ABSTRACTS", ["patent_key", "abstract"]), on="patent_key")
texts = texts.sort_values(["grant_date", "patent_key"]).reset_index(drop=True)
patent = texts.iloc[-1]
TITLE, ABSTRACT = patent["title"], patent["abstract"]
prediction = model.predict(TITLE, ABSTRACT, explain=True)
answers = [each for each in (prediction.technology, prediction.citation_level) if each]
for answer in answers:
    print(f"{answer.task}: {answer.predicted} ({answer.title}), {answer.probability:.1%}")
    for warning in answer.warnings:
        print(f"  {warning.code.value}: {warning.message}")
print(f"\n{TITLE}\n{ABSTRACT[:400]}")

# %% [markdown]
# ## What it considered, and which words mattered
#
# The effect of a word is the probability of the answer minus what it would be without the word.

# %%
answer = answers[0]
options = answer.classes if answer.task == "technology" else answer.levels
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 2.9), layout="constrained")
bars = left.barh(
    [each.label for each in options][::-1], [each.probability for each in options][::-1], color=BLUE
)
left.bar_label(bars, fmt=lambda value: f"{value:.1%}", padding=3, fontsize=8)
left.set(xlabel="probability", xlim=(0, 1.12))
words = sorted(answer.words, key=lambda word: -abs(word.effect))[:8]
effects = [word.effect for word in words][::-1]
right.barh(
    [word.word for word in words][::-1],
    effects,
    color=[BLUE if value > 0 else "#c05621" for value in effects],
)
right.set(xlabel=f"effect on {answer.predicted}")
for axes in (left, right):
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    plain(axes)
    axes.grid(visible=False, axis="y")

# %% [markdown]
# ## Many texts
#
# A data frame with title and abstract in, a data frame with labels and probabilities out. For millions of
# texts use `patent-spark score`.

# %%
sample = texts.tail(2000)
scores = model.score(sample)
pd.concat([sample[["patent_id", "title"]], scores], axis=1).tail(8)

# %% [markdown]
# ## How sure is it?

# %%
figure, axes = plt.subplots(figsize=(6.4, 2.8), layout="constrained")
for task, color in zip(model.tasks, (BLUE, RAMP[4]), strict=False):
    sure = scores[f"{task}_probability"].dropna().astype(float)
    axes.hist(
        sure, bins=40, range=(0, 1), histtype="step", linewidth=2, color=color, label=task.replace("_", " ")
    )
axes.set(xlabel="probability of the most probable label", ylabel=f"of {len(sample):,} patents", xlim=(0, 1))
axes.xaxis.set_major_formatter(PercentFormatter(1))
axes.legend(frameon=False, fontsize=8.5, loc="upper left")
plain(axes)

# %% [markdown]
# ## Similar patents, granted before this one

# %%
model.similar(TITLE, ABSTRACT, top=8, granted_before=patent["grant_date"])
