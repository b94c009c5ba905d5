"""
Agreement of volumes
====================

Volumes decide about treatment. How far is a measured volume from the reference's?
"""

# %%
# The volumes of one reader and of the reference, over the heads with a hemorrhage.
import altair as alt
import numpy as np
import pandas as pd

import ctbench

heads = ctbench.load_dataset("heads.yaml")
rows = []
for case in heads:
    maps = {name: case.reader(name).array for name in case.readers}
    others = ctbench.consensus.leave_one_out(maps)["reader2"]
    counted = maps["reader2"] * ~others.excluded
    rows.append((np.count_nonzero(others.labels), np.count_nonzero(counted)))
voxel_ml = float(np.prod(heads.cases[0].image().spacing_mm)) / 1000
volumes = pd.DataFrame(rows, columns=["reference_ml", "measured_ml"]) * voxel_ml
volumes = volumes[volumes["reference_ml"] > 0]

# %%
# Bland and Altman: the bias, and the limits between which 95 % of differences are expected.
found = ctbench.statistics.bland_altman(volumes["reference_ml"], volumes["measured_ml"])
print(f"bias {found.bias:.2f} mL, limits {found.lower:.2f} to {found.upper:.2f} mL")

# %%
pairs = volumes.assign(
    mean=volumes.mean(axis=1),
    difference=volumes["measured_ml"] - volumes["reference_ml"],
)
points = (
    alt.Chart(pairs)
    .mark_circle(size=60)
    .encode(
        x=alt.X("mean:Q", title="mean of both, mL"),
        y=alt.Y("difference:Q", title="reader2 minus reference, mL"),
    )
)
limits = pd.DataFrame({"y": [found.lower, found.bias, found.upper]})
lines = alt.Chart(limits).mark_rule(strokeDash=[4, 3]).encode(y="y:Q")
figure = (points + lines).properties(width=420, height=260)

# %%
# Lin's concordance and the share of cases within 5 mL:
agreement = ctbench.statistics.volume_agreement(volumes["reference_ml"], volumes["measured_ml"])
print(f"concordance {agreement.concordance:.3f}, {agreement.share_within:.0%} within 5 mL, n = {agreement.n}")
