import numpy as np
import pytest

from ctbench.annotations.found_labels import found_labels, named_labels
from ctbench.annotations.slicer import write_slicer
from ctbench.errors import UsageError
from ctbench.labels import LabelSet
from ctbench.volume import Volume, write_volume


def test_every_code_of_some_maps_has_a_name():
    """Background has none, and codes are sorted."""
    maps = [np.array([[[0, 7]]]), np.array([[[2, 0]]], np.uint8)]
    assert found_labels(maps).codes == {"label-2": 2, "label-7": 7}
    assert len(found_labels([np.zeros((1, 1, 1), int)])) == 0


def test_files_that_name_their_segments_are_numbered_by_name(tmp_path):
    """All names of all files; files with codes only have none, and both kinds together cannot be compared."""
    volume = Volume(np.ones((2, 3, 4), np.uint8), (5.0, 1.0, 1.0))
    write_slicer(volume, LabelSet({"ivh": 1}), tmp_path / "a.seg.nrrd")
    write_slicer(volume, LabelSet({"iph": 1, "IVH": 2}), tmp_path / "b.seg.nrrd")
    write_volume(volume, tmp_path / "c.nii.gz")
    a, b, c = tmp_path / "a.seg.nrrd", tmp_path / "b.seg.nrrd", tmp_path / "c.nii.gz"
    assert dict(named_labels([a, b])) == {"ivh": 1, "iph": 2}
    assert named_labels([c, c]) is None
    with pytest.raises(UsageError, match=r"a.seg.nrrd names its segments, .*c.nii.gz has codes only"):
        named_labels([a, c])
