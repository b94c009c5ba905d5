import numpy as np
import pytest

from ctbench.annotations import Naming, StructureFiles, drawn_by_anyone, read_shares
from ctbench.errors import GeometryError, LabelError, VolumeFileError
from ctbench.labels import LabelSet
from ctbench.volume import Volume, write_volume

LABELS = LabelSet({"iph": 1, "ivh": 2})


@pytest.fixture
def written(tmp_path):
    """A function that writes shares of one slice by name, and returns the files."""

    def write(spacing=(5.0, 1.0, 1.0), **shares):
        files = []
        for name, values in shares.items():
            write_volume(Volume(np.array(values).reshape(1, 1, -1), spacing), tmp_path / f"{name}.nii.gz")
            files.append((name, tmp_path / f"{name}.nii.gz"))
        return StructureFiles(tuple(files))

    return write


def test_shares_are_floats_or_codes(written):
    """Each file in its own form; aliases of one label are added, and null leaves a file out."""
    files = written(
        iph=np.array([0.25, 0, 1], np.float32),
        blood=np.array([0.5, 0, 0], np.float32),
        ivh=np.array([51, 0, 0], np.uint8),
        bone=np.array([0, 1, 0], np.float32),
    )
    shares = read_shares(files, LABELS, naming=Naming({"blood": "iph", "bone": None}))
    assert {label: share.array.ravel().tolist() for label, share in shares.items()} == {
        "iph": [0.75, 0, 1],
        "ivh": [np.float32(0.2), 0, 0],
    }
    assert drawn_by_anyone(shares).array.ravel().tolist() == [1, 0, 1]
    assert shares["iph"].spacing_mm == (5.0, 1.0, 1.0)


def test_a_case_whose_structures_are_left_out_has_none(written):
    """All shares of its grid are 0."""
    shares = read_shares(written(bone=np.ones(3, np.float32)), LABELS, naming=Naming({"bone": None}))
    assert not drawn_by_anyone(shares).array.any()


def test_what_are_no_shares_is_refused(written):
    """A mask of codes as signed integers, values above 1, another grid, and a name that is no label."""
    with pytest.raises(VolumeFileError, match=r"the shares in .*iph.nii.gz are int16; expected floats from 0 to 1"):
        read_shares(written(iph=np.array([0, 1, 1], np.int16)), LABELS)
    with pytest.raises(VolumeFileError, match="are 0 to 3; expected 0 to 1"):
        read_shares(written(iph=np.array([0, 1, 3.0], np.float32)), LABELS)
    with pytest.raises(LabelError, match="bone"):
        read_shares(written(bone=np.ones(3, np.float32)), LABELS)
    image = Volume(np.zeros((1, 1, 3), np.int16), (5.0, 1.0, 2.0)).geometry
    with pytest.raises(GeometryError):
        read_shares(written(iph=np.ones(3, np.float32)), LABELS, image=image)
