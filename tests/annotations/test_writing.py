import numpy as np
import pytest

from ctbench.annotations import MadeBy, MapFormat, read_annotation, write_annotation
from ctbench.errors import UsageError

RULE = MadeBy("majority", "0.1", automatic=False)


FORMATS = [("nifti", "c1.x.nii.gz"), ("seg.nrrd", "c1.x.seg.nrrd"), ("dicom-seg", "c1.x.dcm")]


@pytest.mark.parametrize(("form", "name"), FORMATS)
def test_every_format_comes_back(tmp_path, series, drawn, labels, form, name):
    """The suffix follows the stem, dots and all; what is read is what was written."""
    path = write_annotation(
        drawn, labels, tmp_path / "c1.x", form=MapFormat(form), made_by=RULE, source=series[0], series="head"
    )
    assert path == tmp_path / name
    np.testing.assert_array_equal(read_annotation(path, labels=labels, image=drawn.geometry).array, drawn.array)


def test_dicom_seg_needs_its_source(tmp_path, drawn, labels):
    """The message names the option of the command line."""
    with pytest.raises(UsageError, match="name the folder of its DICOM series with --image"):
        write_annotation(drawn, labels, tmp_path / "a", form=MapFormat.DICOM_SEG, made_by=RULE)
