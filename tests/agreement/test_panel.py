from dataclasses import replace

import numpy as np
import pytest

from ctbench.agreement.panel import read_drawn, read_panel
from ctbench.consensus.patterns import ABSENT
from ctbench.errors import LabelError


def test_units_are_the_box_of_the_union_one_voxel_wider(shifted_panel):
    """The union is 3 x 8 x 10 voxels; grown by one on each side it is 5 x 10 x 12, and holds all that was drawn."""
    units = shifted_panel.units((1,))
    assert units.shape == (3, 5 * 10 * 12)
    np.testing.assert_array_equal(units.sum(axis=1), 3 * 8 * 8)


def test_units_end_with_the_image(make_panel):
    """A structure that fills the image has no background around it."""
    full = np.ones((2, 3, 4), np.uint8)
    assert make_panel({"a": full, "b": full}).units((1,)).shape == (2, 24)


def test_units_of_slices_with_one_reader_are_left_out(make_panel):
    """Of three readers, one slice has all, one has two (the third is marked), one has a single one (left out)."""
    labels = np.zeros((3, 4, 4), np.uint8)
    labels[:, 1:3, 1:3] = 1
    annotated = {
        "a": np.array([True, True, True]),
        "b": np.array([True, True, False]),
        "c": np.array([True, False, False]),
    }
    units = make_panel(dict.fromkeys("abc", labels), annotated).units((1,))
    assert units.shape == (3, 2 * 16)
    assert (units[2] == ABSENT).sum() == 16
    assert not (units[:2] == ABSENT).any()


def test_units_of_what_nobody_drew_are_none(make_panel):
    """A structure that is not there has no voxels to judge."""
    empty = np.zeros((2, 3, 4), np.uint8)
    assert make_panel({"a": empty, "b": empty}).units((1,)).shape == (2, 0)


def test_a_panel_has_what_was_assessed(blobs):
    """Nobody could assess ivh in case d; the group that holds it is scored all the same, as in a run."""
    assert set(read_panel(blobs["c"], "majority").structures) == {"iph", "ivh", "hemorrhage"}
    panel = read_panel(blobs["d"], "majority")
    assert set(panel.structures) == {"iph", "hemorrhage"}
    assert panel.pairs == (("r1", "r2"), ("r1", "r3"), ("r2", "r3"))
    assert set(panel.without) == {"r1", "r2", "r3"}


def test_a_reader_who_was_not_asked_has_no_votes_on_a_structure(make_panel):
    """He is absent from every voxel, as where he did not look."""
    full = np.ones((2, 3, 4), int)
    panel = make_panel({"a": full, "b": full, "c": 0 * full})
    assert (panel.units((1,), {"c"})[2] == ABSENT).all()
    assert panel.units((1,), {"b", "c"}).shape == (3, 0)


def test_a_panel_knows_weights_and_what_readers_were_asked(blobs):
    """As the data set says: r1 was asked for both labels and r2 weighs 2."""
    case = replace(blobs["c"], reader_labels={"r1": ("iph", "ivh")}, reader_weights={"r2": 2.0, "elsewhere": 3.0})
    panel = read_panel(case, "majority")
    assert panel.asked == {"r1": (1, 2)}
    assert panel.weights == {"r2": 2.0}


def test_only_those_who_were_asked_have_a_mask(blobs):
    """r1 was asked for iph alone, which is not all of hemorrhage; the others were asked for everything."""
    drawn = read_drawn(replace(blobs["a"], reader_labels={"r1": ("iph", "ivh")}))
    assert list(drawn.asked_masks("hemorrhage")) == ["r1", "r2", "r3"]
    panel = replace(drawn, asked={"r1": (1,)})
    assert [panel.was_asked("r1", label) for label in ("iph", "ivh", "hemorrhage")] == [True, False, False]
    assert list(panel.asked_masks("iph")) == ["r1", "r2", "r3"]
    masks = panel.asked_masks("hemorrhage")
    assert list(masks) == ["r2", "r3"]
    np.testing.assert_array_equal(masks["r3"], panel.masks((1, 2))[2])


def test_a_code_that_its_reader_was_not_asked_for_is_refused(blobs):
    """With and without a consensus: the reader's list of labels is wrong, or the label map."""
    case = replace(blobs["a"], reader_labels={"r1": ("ivh",)})
    for read in (read_drawn, lambda case: read_panel(case, "majority")):
        with pytest.raises(LabelError, match="label map of r1 holds the code 1"):
            read(case)
