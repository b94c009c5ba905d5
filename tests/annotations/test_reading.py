import pickle

import numpy as np
import pytest

from ctbench.annotations import (
    Pictures,
    SharedFile,
    StructureFiles,
    annotation_geometry,
    files_of,
    read_annotation,
    segment_names,
)
from ctbench.annotations.segments import Naming
from ctbench.annotations.slicer import write_slicer
from ctbench.errors import GeometryError, LabelError
from ctbench.labels import LabelSet
from ctbench.volume import upright, write_volume

from .conftest import turned, write_xml

DESCRIPTIONS = '0 0 0 0 0 0 0 "Clear Label"\n1 255 0 0 1 1 1 "IVH"\n2 0 255 0 1 1 1 "iph"\n'


@pytest.fixture
def structures(tmp_path, drawn, labels):
    """One file per structure, with 0 and 255."""
    for name, code in labels.items():
        write_volume(drawn.with_array((drawn.array == code).astype(np.uint8) * 255), tmp_path / f"{name}.nii.gz")
    return StructureFiles(tuple((name, tmp_path / f"{name}.nii.gz") for name in ("ivh", "iph")))


def test_a_label_map_is_read_as_it_is(tmp_path, drawn, labels):
    """Codes and type are those of the file, and codes without a label are refused."""
    write_volume(drawn.with_array(drawn.array.astype(np.int16)), tmp_path / "a.nii.gz")
    read = read_annotation(tmp_path / "a.nii.gz", labels=labels, image=drawn.geometry)
    assert read.array.dtype == np.int16
    np.testing.assert_array_equal(read.array, drawn.array)
    assert segment_names(tmp_path / "a.nii.gz") is None
    with pytest.raises(LabelError, match="unknown label codes 7"):
        read_annotation(tmp_path / "a.nii.gz", labels=LabelSet({"iph": 3}))


def test_codes_of_a_label_map_have_aliases(tmp_path, drawn):
    """A label map with aliases of codes is read in the codes of the labels."""
    write_volume(drawn, tmp_path / "a.nii.gz")
    codes = [int(code) for code in np.unique(drawn.array) if code]
    labels, naming = LabelSet({"any": 200}), Naming({" ".join(map(str, codes)): "any"})
    read = read_annotation(tmp_path / "a.nii.gz", labels=labels, image=drawn.geometry, naming=naming)
    np.testing.assert_array_equal(read.array, np.where(drawn.array > 0, 200, 0))


def test_files_of_single_structures_become_one_label_map(structures, drawn, labels):
    """Any value other than 0 is drawn; the grid may be that of the image, or of the first file."""
    np.testing.assert_array_equal(read_annotation(structures, labels=labels, image=drawn.geometry).array, drawn.array)
    np.testing.assert_array_equal(read_annotation(structures, labels=labels).array, drawn.array)
    assert [path.name for path in files_of(structures)] == ["ivh.nii.gz", "iph.nii.gz"]
    assert str(structures).endswith("ivh.nii.gz and the other structures")
    assert pickle.loads(pickle.dumps(structures)) == structures  # noqa: S301  # our own


def test_a_label_map_is_no_file_of_a_single_structure(tmp_path, structures, drawn, labels):
    """Two values in it mean that the pattern is wrong."""
    write_volume(drawn, tmp_path / "iph.nii.gz")
    with pytest.raises(LabelError, match=r"iph.nii.gz is the mask of one structure, but holds the values \[3, 7\]"):
        read_annotation(structures, labels=labels)


def test_label_descriptions_of_itk_snap_name_the_codes(tmp_path, drawn, labels):
    """Two readers may have numbered their labels differently; the names count."""
    (tmp_path / "labels.txt").write_text(DESCRIPTIONS)
    codes = np.where(drawn.array == 3, 2, (drawn.array == 7) * 1).astype(np.uint16)
    write_volume(drawn.with_array(codes), tmp_path / "a.nii.gz")
    read = read_annotation(tmp_path / "a.nii.gz", labels=labels, descriptions=tmp_path / "labels.txt")
    np.testing.assert_array_equal(read.array, drawn.array)
    write_volume(drawn.with_array(codes + 1), tmp_path / "a.nii.gz")
    with pytest.raises(LabelError, match=r"holds the codes \[3\], which .*labels.txt does not describe"):
        read_annotation(tmp_path / "a.nii.gz", labels=labels, descriptions=tmp_path / "labels.txt")


def test_names_need_labels(tmp_path, drawn, labels):
    """Without codes for the names there is no label map."""
    write_slicer(drawn, labels, tmp_path / "a.seg.nrrd")
    with pytest.raises(LabelError, match="names its segments, so labels with codes are needed"):
        read_annotation(tmp_path / "a.seg.nrrd")


def test_the_grid_of_a_mask_is_that_of_its_file(tmp_path, structures, drawn, labels, write_seg):
    """A `.seg.nrrd` and a label map have one, in the order z, y, x; DICOM files with segments need their image."""
    other = turned(drawn, ((2, 0, 1), (1, -1, 1)))
    write_slicer(other, labels, tmp_path / "a.seg.nrrd")
    assert annotation_geometry(tmp_path / "a.seg.nrrd") == upright(other).geometry
    assert annotation_geometry(structures).differences(drawn.geometry) == ()
    assert read_annotation(tmp_path / "a.seg.nrrd", labels=labels).geometry == upright(other).geometry
    with pytest.raises(GeometryError, match="is DICOM SEG, which is drawn on the slices of an image"):
        annotation_geometry(write_seg({"iph": drawn.array > 0}))


def test_pictures_need_an_image(tmp_path):
    """CVAT's PNG and XML and Label Studio's JSON have no grid; the message says what to name."""
    (tmp_path / "cvat").mkdir()
    (tmp_path / "cvat/000.png").touch()
    for name in ("cvat", "a.json", "a.xml"):
        with pytest.raises(GeometryError, match=f"{name} holds pictures of slices .*name the image"):
            read_annotation(tmp_path / name)


def test_one_file_may_hold_several_cases(tmp_path, drawn, labels):
    """The case of interest is named beside the file; names of files are listed without it."""
    shared = SharedFile(write_xml(tmp_path / "all.xml", drawn, labels, name="p7_{number}.png"), "p7")
    read = read_annotation(shared, labels=labels, image=drawn.geometry, pictures=Pictures(axes=("z", "y", "x")))
    np.testing.assert_array_equal(read.array, drawn.array)
    assert files_of(shared) == (tmp_path / "all.xml",)
    assert str(shared) == str(tmp_path / "all.xml")
    assert segment_names(tmp_path / "all.xml") == ("ivh", "iph")
