"""
Fuse readers into a reference
=============================

Three readers outlined the same head. Their majority is the reference; voxels on which no label has more than half of
the votes are left out of every score.
"""

# %%
# A dataset is a list of cases; a case has an image and the label map of each reader.
import numpy as np

import ctbench

heads = ctbench.load_dataset("heads.yaml")
case = max(heads, key=lambda case: np.count_nonzero(case.reader("reader1").array))
maps = {name: case.reader(name).array for name in case.readers}
{name: int(np.count_nonzero(array)) for name, array in maps.items()}

# %%
# ``groups`` lets the reference also answer for any hemorrhage: readers who agree on blood, and not on its type, agree.
reference = ctbench.consensus.fuse(maps, groups=heads.labels)
f"{np.count_nonzero(reference.labels)} voxels of blood, {reference.excluded.sum()} left out"

# %%
# The share of what anybody drew that the readers leave undecided, for each structure:
ctbench.consensus.indeterminate_share(maps, reference, heads.labels)

# %%
# The slice with most of it: the image, the reference in orange, what is left out in white.
image = case.image().array
z = int(np.count_nonzero(reference.labels, axis=(1, 2)).argmax())
grey = np.clip(image[z] * (255 / 80), 0, 255).astype(np.uint8)
figure = np.repeat(grey[..., None], 3, axis=2)
figure[reference.labels[z] > 0] = (230, 159, 0)
figure[reference.excluded[z]] = (255, 255, 255)
figure = figure.repeat(4, axis=0).repeat(4, axis=1)

# %%
# A reader is never scored on a reference that he or she helped to make. One reference for each reader, from the others:
{name: int(without.excluded.sum()) for name, without in ctbench.consensus.leave_one_out(maps).items()}
