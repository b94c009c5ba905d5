"""Where masks of brains come from: a program, a file, the masks of a dataset."""

import pickle

import numpy as np
import pytest

from ctbench.errors import DataError, GeometryError, MissingFileError, UsageError
from ctbench.predictors.conformance import tiny_head
from ctbench.volume import Volume, write_volume
from reference_models.scans.brain import brain_mask
from reference_models.scans.brain_source import brain_source

ENTRY = """
scans:
  title: Two scans with masks of the brain
  modality: CT
  task: segmentation
  labels: {{hemorrhage: 1}}
  image: "image_{{case}}.nii.gz"
  reference: "reference_{{case}}.nii.gz"
  {brain}
"""


def box(first):
    """A mask of three slices."""
    mask = np.zeros(tiny_head().shape, np.uint8)
    mask[first : first + 3, 10:20, 12:30] = 7
    return mask


@pytest.fixture
def image():
    """Return the first of two scans, which differ in one voxel."""
    return tiny_head()


@pytest.fixture
def other(image):
    """The second scan."""
    array = image.array.copy()
    array[0, 0, 0] -= 1
    return image.with_array(array)


@pytest.fixture
def scans(image, other, tmp_path):
    """Write a dataset of both scans; returns a function that takes the line with its masks, and returns its YAML."""
    for case, scan, mask in (("a", image, box(1)), ("b", other, box(2))):
        write_volume(scan, tmp_path / f"image_{case}.nii.gz")
        write_volume(scan.with_array((mask > 0).astype(np.uint8)), tmp_path / f"reference_{case}.nii.gz")
        write_volume(scan.with_array(mask), tmp_path / f"brain_{case}.nii.gz")
    path = tmp_path / "scans.yaml"

    def described(line='brain: "brain_{case}.nii.gz"'):
        path.write_text(ENTRY.format(brain=line))
        return str(path)

    return described


def test_a_program_of_the_users_finds_the_brain(image, scans, tmp_path):
    """Its mask is taken as it is, and nothing is run before; a command without {image} and {output} is refused."""
    assert scans()
    write_volume(image.with_array((box(1) > 0).astype(np.uint8)), tmp_path / "mask.nii.gz")
    command = f"command:sh -c 'cp {tmp_path}/mask.nii.gz {{output}}; : {{image}}'"
    source = brain_source(command)
    np.testing.assert_array_equal(source.find(image), box(1) > 0)
    assert source.text == command
    with pytest.raises(UsageError, match="expected a command with"):
        brain_source("command:hd-bet")


def test_without_a_word_the_package_finds_the_brain():
    """And cards say nothing of it."""
    source = brain_source(None)
    assert (source.find, source.text) == (brain_mask, "")


def test_a_mask_is_for_images_on_its_grid(image, scans, tmp_path):
    """Any value but 0 is inside, however the file is stored; a larger image is refused, and so is an empty mask."""
    assert scans()
    source = brain_source(str(tmp_path / "brain_a.nii.gz"))
    np.testing.assert_array_equal(source.find(image), box(1) > 0)
    with pytest.raises(GeometryError, match=r"brain_a\.nii\.gz"):
        source.find(Volume(np.zeros((9, 64, 64), np.int16), image.spacing_mm))
    write_volume(image.with_array(np.zeros(image.shape, np.uint8)), tmp_path / "empty.nii.gz")
    with pytest.raises(DataError, match="is 0 everywhere"):
        brain_source(str(tmp_path / "empty.nii.gz"))
    with pytest.raises(MissingFileError, match=r"there is no file .*none\.nii\.gz"):
        brain_source(str(tmp_path / "none.nii.gz"))


def test_an_image_is_known_by_its_voxels_among_those_of_a_dataset(image, other, scans):
    """In any order, and after the finder went to another process; an image of nobody is refused."""
    source = brain_source(scans())
    for scan, mask in ((other, box(2)), (image, box(1)), (other, box(2))):
        np.testing.assert_array_equal(source.find(scan), mask > 0)
    elsewhere = pickle.loads(pickle.dumps(source))  # noqa: S301  # made here
    np.testing.assert_array_equal(elsewhere.find(image), box(1) > 0)
    with pytest.raises(DataError, match="none of the 2 of scans that have a mask"):
        source.find(image.with_array(image.array + 1))


def test_a_scan_that_cannot_be_read_is_told_where_it_is_needed(other, scans, tmp_path):
    """The masks of the other scans are found all the same."""
    source = brain_source(scans())
    (tmp_path / "image_a.nii.gz").write_bytes(b"damaged")
    np.testing.assert_array_equal(source.find(other), box(2) > 0)


def test_other_masks_are_another_source(image, scans, tmp_path):
    """The text that cards hold has the digest of the masks, and the name of their dataset or file."""
    first = brain_source(scans()).text
    assert first.startswith("masks of scans, sha256 ")
    one = brain_source(str(tmp_path / "brain_b.nii.gz")).text
    assert one.startswith("masks brain_b.nii.gz, sha256 ")
    write_volume(image.with_array(box(3)), tmp_path / "brain_b.nii.gz")
    assert brain_source(scans()).text != first
    assert brain_source(str(tmp_path / "brain_b.nii.gz")).text != one


@pytest.mark.parametrize(
    ("line", "named", "message"),
    [
        ("", "scans.yaml", r"names no masks of the brain; expected .* brain: brain/\{case\}\.nii\.gz"),
        ("", "hd-bet", "brain=hd-bet: .*; it may also be the file of a mask, or 'command:PROGRAM {image} {output}'"),
        ("", "absent.yaml", r"brain=absent\.yaml: .*absent\.yaml"),
    ],
)
def test_what_is_no_source_is_refused(scans, line, named, message, tmp_path, monkeypatch):
    """With what may stand there."""
    scans(line)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        brain_source(named)


@pytest.mark.parametrize(
    ("learnt", "text", "warned"),
    [
        ("", "", False),
        ("masks of train, sha256 0", "masks of test, sha256 1", False),
        ("", "masks of test, sha256 1", True),
        ("command:hd-bet", "", True),
    ],
)
def test_another_way_than_in_training_is_told(scans, learnt, text, warned, caplog):
    """Two sets of masks may have been made alike: they have other scans anyway."""
    source = brain_source(scans() if text else None)
    source.warn_if_learnt_otherwise(learnt)
    assert ("these weights learnt on brains found by" in caplog.text) is warned
