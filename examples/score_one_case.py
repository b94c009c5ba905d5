"""
Score one prediction
====================

A reference, a prediction, and one row for each structure and metric.
"""

# %%
# The prediction here is the reference itself, shifted by two voxels: some of it is right, some is missed.
import numpy as np

import ctbench

heads = ctbench.load_dataset("heads.yaml")
case = max(heads, key=lambda case: np.count_nonzero(case.reader("reader1").array))
reference = ctbench.consensus.fuse({name: case.reader(name).array for name in case.readers})
prediction = np.roll(reference.labels, 2, axis=2)
rows = ctbench.metrics.score(
    reference,
    prediction,
    spacing_mm=case.image().spacing_mm,
    labels=heads.labels,
    metrics=["dice", "hd95", "nsd", "volume_difference_ml"],
    tolerance_mm=1.0,
)
rows[rows["status"] == "ok"]

# %%
# A structure that neither holds has no Dice: the value is null and the status says why. Nothing is a silent 0 or 1.
rows[rows["status"] != "ok"].head()
