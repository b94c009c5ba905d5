import numpy as np
import pytest

from ctbench.annotations.codes import Code
from ctbench.annotations.segments import Naming, Segment, match_names, merge, merge_codes, name_of_all
from ctbench.errors import LabelError
from ctbench.labels import LabelSet

HEMORRHAGE = Code("SCT", "50960005", "Hemorrhage")


def segment(name, *columns, code=None):
    """A mask of 1 x 1 x 4 voxels, drawn in these columns."""
    mask = np.zeros((1, 1, 4), bool)
    mask[..., list(columns)] = True
    return Segment(name, mask, code)


def merged(*segments, labels=None, **naming):
    """The label map of segments, as a list."""
    labels = labels or LabelSet({"iph": 3, "edh_sdh": 7})
    return merge(segments, labels, Naming(**naming), "a.seg.nrrd", (1, 1, 4)).ravel().tolist()


def test_segments_become_the_codes_of_their_labels():
    """Neither the order of the segments nor their number matters."""
    assert merged(segment("edh_sdh", 0), segment("iph", 2, 3)) == [7, 0, 3, 3]


@pytest.mark.parametrize("name", ["EDH_SDH", "edh sdh", "Edh-Sdh", " edh_sdh "])
def test_case_and_separators_of_a_name_do_not_matter(name):
    """Programs and readers write names in their own way."""
    assert merged(segment(name, 1)) == [0, 7, 0, 0]


def test_an_exact_name_comes_before_one_that_is_alike():
    """Two labels may differ only in case."""
    labels = LabelSet({"IPH": 1, "iph": 2})
    assert merged(segment("IPH", 0), segment("iph", 1), labels=labels) == [1, 2, 0, 0]


def test_aliases_map_names_to_labels_and_leave_segments_out():
    """An alias comes before a label, null leaves a segment out, and two names may be one label."""
    aliases = {"Clot": "iph", "old clot": "iph", "iph": "edh_sdh", "Skull": None}
    found = merged(segment("clot", 0), segment("Old-Clot", 1), segment("iph", 2), segment("skull", 3), aliases=aliases)
    assert found == [3, 3, 7, 0]


def test_a_star_stands_for_all_other_names():
    """A reader who drew a hundred structures can be read for two of them."""
    assert merged(segment("liver", 0), segment("iph", 1), aliases={"*": None}) == [0, 3, 0, 0]


def test_a_name_without_a_label_lists_both_sides():
    """The message shows what the file has, what the labels are, and the line that would map them."""
    with pytest.raises(LabelError) as error:
        merged(segment("Blood", 0), segment("iph", 1))
    assert str(error.value) == (
        "a.seg.nrrd has the segment 'Blood', which matches no label; its segments: Blood, iph; the labels: iph, edh_sdh"
        ". Map names in the data set's YAML, e.g. aliases: {'Blood': iph} (null leaves a segment out)"
    )


def test_a_hundred_names_are_a_short_message():
    """Only the first names are listed."""
    with pytest.raises(LabelError, match=r"has the segments 'x0', .*'x11', \.\.\., which match no label") as error:
        merged(*(segment(f"x{number}", 0) for number in range(100)))
    assert len(str(error.value)) < 700


def test_an_empty_segment_needs_no_label():
    """Templates of segments are often kept empty."""
    assert merged(segment("Segment_9"), segment("iph", 0)) == [3, 0, 0, 0]


def test_a_coded_meaning_counts_where_the_name_says_nothing():
    """The words of the code, then the code of an anatomical structure; the name comes first."""
    labels = LabelSet({"hemorrhage": 1, "caudate": 2})
    found = [
        segment("Segment 1", 0, code=HEMORRHAGE),
        segment("Segment 2", 1, code=Code("SCT", "11000004", "Nucleus caudatus")),
        segment("caudate", 2, code=HEMORRHAGE),
    ]
    assert match_names(found, labels, Naming(), "a") == ["hemorrhage", "caudate", "caudate"]
    with pytest.raises(LabelError, match="'Segment 1', which matches no label"):
        match_names(found, LabelSet({"iph": 1, "caudate": 2}), Naming(), "a")


def test_an_overlap_is_refused_or_goes_to_the_later_segment():
    """The default is an error with the number of voxels; `last` follows the order of the file."""
    both = segment("iph", 0, 1, 2), segment("edh_sdh", 1, 2, 3)
    with pytest.raises(LabelError, match=r"a.seg.nrrd: 2 voxels are both iph and edh_sdh; .*overlap: last"):
        merged(*both)
    assert merged(*both, overlap="last") == [3, 7, 7, 7]
    assert merged(*reversed(both), overlap="last") == [3, 3, 3, 7]


def test_segments_of_one_label_may_overlap():
    """They are united."""
    assert merged(segment("iph", 0, 1), segment("IPH", 1, 2)) == [3, 3, 3, 0]


def test_names_of_several_files_are_one_label_set():
    """Numbers follow the first appearance; names that are alike are one."""
    assert dict(name_of_all([("iph", "SAH"), ("sah", "IVH")])) == {"iph": 1, "SAH": 2, "IVH": 3}


def test_a_mask_may_cover_a_part_of_the_grid():
    """Many shapes of single slices need no whole volume each; overlaps are found between the parts."""
    part = Segment("iph", np.ones((1, 1, 2), bool), at=(slice(None), slice(None), slice(1, 3)))
    assert merged(part) == [0, 3, 3, 0]
    assert merged(part, segment("edh_sdh", 2, 3), overlap="last") == [0, 3, 7, 7]
    with pytest.raises(LabelError, match="1 voxels are both iph and edh_sdh"):
        merged(part, segment("edh_sdh", 2, 3))


def test_codes_of_a_label_map_are_merged():
    """Codes with an alias become their label's, those of a label stay, and the alias of all others empties the rest."""
    labels = LabelSet({"cortex": 100, "caudate": 36})
    naming = Naming({"102 104": "cortex", "36x": "caudate", "7": None, "*": None})
    assert naming.codes == {102: "cortex", 104: "cortex", 7: None}
    codes = np.array([[[0, 36, 100, 102, 104, 7, 99]]])
    found = merge_codes(codes, labels, naming, "a.nii.gz")
    assert found.tolist() == [[[0, 36, 100, 100, 100, 0, 0]]]
    assert found.dtype == np.uint8


def test_a_code_without_label_and_alias_is_refused():
    """Unless an alias stands for all others, codes that nobody expects are an error that lists them."""
    naming = Naming({"102": "cortex"})
    with pytest.raises(LabelError, match=r"a\.nii\.gz holds the codes 7, 99, which are neither"):
        merge_codes(np.array([0, 7, 99, 102]), LabelSet({"cortex": 100}), naming, "a.nii.gz")
