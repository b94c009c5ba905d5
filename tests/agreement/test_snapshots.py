"""Parts of slices where readers differ: where they are cut, and what lies under them."""

import numpy as np
import pytest

from ctbench.agreement.snapshots import cut_out, with_image
from ctbench.datasets import load_dataset
from ctbench.volume import Volume, write_volume

YAML = """
toy:
  title: t
  modality: CT
  task: segmentation
  labels: {iph: 1}
  image: '{case}.nii.gz'
  readers: '{reader}/{case}.nii.gz'
"""


@pytest.fixture
def seen():
    """Two tinted voxels in slice 1 of 3, of pixels of 5 x 2 mm."""
    shade = np.zeros((30, 40), np.float32)
    shade[10:12, 25] = 0.5
    return cut_out(shade, 1, Volume(np.zeros((3, 30, 40)), (4.0, 5.0, 2.0), direction=np.diag([1, -1, 1])))


def test_a_rim_of_20_mm_is_kept(seen):
    """4 rows and 10 columns on each side of what is tinted, on the grid of the case."""
    assert (seen.corner, seen.slices) == ((1, 6, 15), 3)
    assert seen.shade.shape == (1, 10, 21)
    np.testing.assert_array_equal(np.argwhere(seen.shade.array[0]), [[4, 10], [5, 10]])
    assert seen.shade.spacing_mm == (4.0, 5.0, 2.0)
    assert seen.shade.direction[1, 1] == -1


def test_the_image_is_that_of_the_same_voxels(seen, tmp_path):
    """Its part of the slice; without the file there is none, and the masks can still be studied."""
    image = np.arange(3 * 30 * 40, dtype=np.int16).reshape(3, 30, 40)
    (tmp_path / "toy.yaml").write_text(YAML)
    for path in ("c1.nii.gz", "a/c1.nii.gz", "b/c1.nii.gz"):
        write_volume(Volume(image if path == "c1.nii.gz" else np.zeros_like(image), (4, 5, 2)), tmp_path / path)
    (case,) = load_dataset(tmp_path / "toy.yaml")
    shown = with_image(seen, case, "CT")
    np.testing.assert_array_equal(shown.image, image[1, 6:16, 15:36])
    assert shown.in_hu
    assert not with_image(seen, case, "MR").in_hu
    (tmp_path / "c1.nii.gz").unlink()
    assert with_image(seen, case, "CT").image is None
