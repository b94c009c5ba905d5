from pathlib import Path

import pytest

from ctbench.errors import DatasetError
from ctbench.interchange.folder_patterns import sort_files, volume_files


def sort(*names):
    """Patterns and cases of files with these names, and what is left over."""
    found = sort_files([Path(name) for name in names])
    sorted_files = {path.as_posix() for own in found.values() for path in own.values()}
    return {pattern: sorted(own) for pattern, own in found.items()}, [
        name for name in names if name not in sorted_files
    ]


@pytest.mark.parametrize(
    ("names", "patterns"),
    [
        (
            ("images/p1.nii.gz", "images/p1_b.nii.gz", "masks/p1.nii.gz", "masks/p1_b.nii.gz"),
            {"images/{case}.nii.gz": ["p1", "p1_b"], "masks/{case}.nii.gz": ["p1", "p1_b"]},
        ),
        (
            ("imagesTr/p1_0000.nii.gz", "labelsTr/p1.nii.gz"),
            {"imagesTr/{case}_0000.nii.gz": ["p1"], "labelsTr/{case}.nii.gz": ["p1"]},
        ),
        (
            ("s1/ct.nii.gz", "s1/segmentations/liver.nii.gz", "s2/ct.nii.gz"),
            {"{case}/ct.nii.gz": ["s1", "s2"], "{case}/segmentations/liver.nii.gz": ["s1"]},
        ),
        (
            ("p1.nii", "p1_mask.nii", "p2.nii", "p2_mask.nii"),
            {"{case}.nii": ["p1", "p2"], "{case}_mask.nii": ["p1", "p2"]},
        ),
        (("p1_ct.mha", "p1_anna.mha"), {"{case}_ct.mha": ["p1"], "{case}_anna.mha": ["p1"]}),
        (
            ("anna/p1_mask.nii", "ben/p1_mask.nii"),
            {"anna/{case}.nii": ["p1_mask"], "ben/{case}.nii": ["p1_mask"]},
        ),
        (
            ("p1_n0_anna.nii", "p1_n0_ben.nii", "p2_n1_anna.nii", "p2_n1_ben.nii"),
            {"{case}_anna.nii": ["p1_n0", "p2_n1"], "{case}_ben.nii": ["p1_n0", "p2_n1"]},
        ),
    ],
    ids=["folders", "nnunet", "totalsegmentator", "beginnings", "called", "masks only", "last words"],
)
def test_the_case_is_found_in_the_names(names, patterns):
    """Of folders of images, folders of cases, suffixes, and masks alone."""
    assert sort(*names) == (patterns, [])


def test_of_several_folders_of_images_the_one_with_masks_counts():
    """The decathlon's: images for testing, which have no labels, are left over."""
    patterns, left_over = sort("imagesTr/a1.nii", "imagesTs/a2.nii", "labelsTr/a1.nii")
    assert patterns == {"imagesTr/{case}.nii": ["a1"], "labelsTr/{case}.nii": ["a1"]}
    assert left_over == ["imagesTs/a2.nii"]


def test_what_belongs_to_no_case_is_left_over():
    """A file with another name is no case of its own."""
    assert sort("images/p1.nii", "masks/p1.nii", "masks/atlas.nii")[1] == ["masks/atlas.nii"]


def test_no_case_and_two_folders_of_images_are_refused():
    """With what was seen."""
    with pytest.raises(DatasetError, match=r"not clear which part of the names is the case, e\.g\. in a\.nii"):
        sort("a.nii", "b.nii")
    with pytest.raises(DatasetError, match="several folders of images, imagesTr and imagesTs"):
        sort("imagesTr/a.nii", "imagesTs/b.nii")


def test_hidden_files_and_other_files_are_skipped(tmp_path):
    """Volumes only, sorted."""
    for name in ("b.nii", "a.MHA", ".a.nii", ".git/c.nii", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [str(path) for path in volume_files(tmp_path)] == ["a.MHA", "b.nii"]
