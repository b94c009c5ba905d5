"""
Compare a model with the readers
================================

A run scores a model, another one the readers; reader and model are compared on the consensus of the *other* readers.
"""

# %%
# ``threshold`` marks what is bright inside the brain: a baseline, not a method.
import tempfile
from pathlib import Path

import altair as alt
import pandas as pd

import ctbench

heads = ctbench.load_dataset("heads.yaml")
folder = Path(tempfile.mkdtemp())
metrics = ["dice", "volume_ml", "reference_volume_ml"]
runs = [ctbench.run(name, heads, folder / name, metrics=metrics) for name in ("threshold", "readers")]
scores = pd.concat([run.scores for run in runs])
dice = scores[(scores["metric"] == "dice") & (scores["label"] == "hemorrhage")]

# %%
# Means are over the positives, the cases whose reference holds the structure; a miss counts 0.
common = dice[dice["reference"] == "majority"]
ctbench.statistics.describe(common)[["rater", "n", "mean", "sd", "median", "low", "high"]]

# %%
# Each point is a case.
points = ctbench.statistics.populated(common)
figure = (
    alt.Chart(points, title="Dice of hemorrhage, against the majority of all readers")
    .mark_circle(size=60, opacity=0.6)
    .encode(x=alt.X("value:Q", title="Dice"), y=alt.Y("rater:N", title=None))
    .properties(width=420, height=160)
)

# %%
# The test: paired by case, each reader against the model on the reference that this reader did not make.
tests = ctbench.statistics.leave_one_out_tests(dice, baseline="threshold")
tests[["rater", "reference", "n", "difference", "low", "high", "p_holm", "better"]]

# %%
# A run draws itself in a notebook: box plots by structure on the reference of all readers.
figure = runs[0].plot.boxes(structures=["hemorrhage"])

# %%
# So does a case, with the errors of the run's model over the slice that has most of them.
case = max(heads, key=lambda case: (case.reader("reader1").array > 0).sum())
shown = case.show(runs[0])
figure = shown.pictures["threshold against majority"]
shown
