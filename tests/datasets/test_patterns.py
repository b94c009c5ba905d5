from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctbench.datasets.patterns import Pattern, assign, is_safe_name


def _touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def _found(pattern, root):
    return [(match.case, match.reader) for match in Pattern(pattern).matches(root)]


def test_fields_may_stand_in_folders_and_names(tmp_path):
    """Case and reader are read from whichever part of the path they stand in."""
    _touch(tmp_path, "anna/c1.nii.gz", "ben/c1.nii.gz", "ben/notes.txt")
    assert _found("{reader}/{case}.nii.gz", tmp_path) == [("c1", "anna"), ("c1", "ben")]


def test_case_takes_as_much_as_it_can(tmp_path):
    """Where one name holds both, the reader is what follows the last separator."""
    _touch(tmp_path, "P1_nodule0_reader2.nii.gz")
    assert _found("{case}_{reader}.nii.gz", tmp_path) == [("P1_nodule0", "reader2")]


NAMES = st.text(st.sampled_from("abXY019-_. +()[]^$é"), min_size=1, max_size=12).filter(is_safe_name)


@given(case=NAMES, reader=NAMES)
def test_what_is_filled_in_is_found_again(case, reader):
    """For any safe names, the path that a pattern gives is the path at which it finds them."""
    pattern = Pattern("masks/{reader}/{case}.nii.gz")
    with TemporaryDirectory() as folder:
        _touch(Path(folder), pattern.fill(case=case, reader=reader))
        assert _found(pattern.text, Path(folder)) == [(case, reader)]


def test_a_field_that_comes_twice_means_the_same_both_times(tmp_path):
    """A repeated field must be repeated in the path, within one part of it and across parts."""
    _touch(tmp_path, "c1/c1 c1.nii", "c1/c1 c2.nii", "c2/c1 c1.nii")
    assert _found("{case}/{case} {case}.nii", tmp_path) == [("c1", None)]


def test_star_stands_for_any_text_within_one_part(tmp_path):
    """A star matches what a name holds besides the fields, but never a slash or a hidden file."""
    _touch(tmp_path, "c1/2018-08.nii", "c1/deep/x.nii", "c1/.hidden.nii")
    assert [match.path.name for match in Pattern("{case}/*.nii").matches(tmp_path)] == ["2018-08.nii"]


def test_a_pattern_with_a_slash_at_its_end_names_folders_only(tmp_path):
    """Files beside DICOM folders are not taken for series."""
    _touch(tmp_path, "c1/0.dcm", "reads.csv")
    assert _found("{case}/", tmp_path) == [("c1", None)]
    assert _found("{case}", tmp_path) == [("c1", None), ("reads.csv", None)]


def test_dots_and_brackets_stand_for_themselves(tmp_path):
    """What means something in a regular expression means nothing special in a pattern."""
    _touch(tmp_path, "a (1)+.nii", "bxnii")
    assert _found("{case} (1)+.nii", tmp_path) == [("a", None)]
    assert _found("{case}.nii", tmp_path) == [("a (1)+", None)]


def test_a_file_goes_to_the_most_specific_pattern(tmp_path):
    """Masks that lie among the images are not taken for images."""
    _touch(tmp_path, "c1.nii.gz", "c1_mask.nii.gz")
    files = assign({"image": Pattern("{case}.nii.gz"), "reference": Pattern("{case}_mask.nii.gz")}, tmp_path)
    assert {role: [match.path.name for match in matches] for role, matches in files.items()} == {
        "image": ["c1.nii.gz"],
        "reference": ["c1_mask.nii.gz"],
    }


@pytest.mark.parametrize(
    "text", ["/abs/{case}", "../{case}.nii", "a/../../{case}", "{case}/{reader}", "{name}", "a.nii", ""]
)
def test_patterns_stay_below_their_root_and_hold_the_right_fields(text):
    """An absolute path, a way out of the root, and a missing or unknown field are refused."""
    with pytest.raises(ValueError, match="the pattern"):
        Pattern(text).expect("case")


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "a\\b", "a*", "{x}", "a\nb", "c:d"])
def test_names_that_could_leave_a_folder_are_not_safe(name):
    """Nothing that a path or a shell reads in its own way may be the id of a case."""
    assert not is_safe_name(name)


@pytest.mark.parametrize("text", ["{case}" + "*a" * 4, "{{case}", "{case}}", "{case}/x{"])
def test_patterns_that_take_for_ever_or_hold_loose_braces_are_refused(text):
    """Each star makes the time to match a name grow by a power; a brace is half a field."""
    with pytest.raises(ValueError, match="the pattern"):
        Pattern(text).expect("case")
