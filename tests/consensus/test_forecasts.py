import numpy as np
import pytest

from ctbench.consensus.forecasts import domain_mask, forecast_tables
from ctbench.consensus.readings import Readings
from ctbench.errors import GeometryError, UsageError
from ctbench.probability_codes import encode
from ctbench.statistics.forecasts import MEAN, minimum_dice


def readings(annotated=None):
    """Two readers of a 6 x 20 x 20 image: the first draws iph (1) and ivh (2), the second iph only."""
    ann = np.zeros((6, 20, 20), int)
    ann[2:4, 8:12, 8:12] = 1
    ann[2, 8:12, 12:14] = 2
    ben = np.zeros_like(ann)
    ben[2:4, 8:12, 9:13] = 1
    return Readings.of({"ann": ann, "ben": ben}, annotated)


def test_domains():
    """The box has a margin of 10 mm, cut at the image's border; a mask holds what readers drew besides."""
    found = readings()
    box = domain_mask(found, "box", (5.0, 2.0, 20.0))
    assert box.sum() == 6 * (4 + 10) * (6 + 2)
    assert box[0, 3, 7]
    assert not box[0, 2, 7]
    assert domain_mask(found, "image").all()
    assert domain_mask(found, np.zeros((6, 20, 20), bool)).sum() == 2 * 4 * 5 + 4
    assert not domain_mask(Readings.of({"ann": np.zeros((2, 3, 3), int)}), "box").any()
    with pytest.raises(UsageError, match="'box', 'image' or a mask"):
        domain_mask(found, "brain")  # type: ignore[arg-type]
    with pytest.raises(GeometryError, match="expected that of the label maps"):
        domain_mask(found, np.zeros((2, 2, 2), bool))


def test_tables_are_those_of_the_masks():
    """A model that returns the readers' share scores 1, for a label and for a group of two labels."""
    found = readings()
    structures = {"iph": (1,), "any": (1, 2)}
    shares = {
        name: encode(np.mean([np.isin(array, codes) for array in found.maps], axis=0))
        for name, codes in structures.items()
    }
    tables = forecast_tables(found, shares, structures, domain_mask(found, "image"))
    assert list(tables) == ["iph", "any"]
    for name, table in tables.items():
        assert table.counts.sum() == 6 * 20 * 20
        # One half is stored as 128 / 255.
        assert float(minimum_dice(table.against(MEAN))) == pytest.approx(1, abs=0.001)
        drawn = np.isin(found.maps[0], structures[name]).sum()
        assert table.against("ann").positives.sum() == drawn


def test_slices_that_a_reader_did_not_annotate_hold_no_vote_of_his():
    """And slices that nobody annotated are outside of every domain."""
    seen = {"ann": np.array([1, 1, 1, 0, 0, 0], bool), "ben": np.array([0, 0, 1, 1, 0, 0], bool)}
    found = readings(seen)
    inside = domain_mask(found, "image")
    assert inside.any(axis=(1, 2)).tolist() == [True, True, True, True, False, False]
    table = forecast_tables(found, {"iph": np.zeros((6, 20, 20), np.uint8)}, {"iph": (1,)}, inside)["iph"]
    assert table.against("ann").total == 3 * 400
    assert table.against(MEAN).total == 4 * 400


def test_a_reader_who_was_not_asked_has_no_vote():
    """Asked for iph only, he says nothing about the group of iph and ivh."""
    ann, ben = readings().maps
    found = Readings.of({"ann": ann, "ben": ben}, asked={"ben": (1,)})
    codes = dict.fromkeys(("iph", "any"), np.zeros(found.shape, np.uint8))
    tables = forecast_tables(found, codes, {"iph": (1,), "any": (1, 2)}, domain_mask(found, "image"))
    assert tables["iph"].against("ben").total == found.maps[0].size
    assert tables["any"].against("ben").total == 0
    assert tables["any"].against(MEAN).positives.sum() == np.isin(ann, (1, 2)).sum()


def test_another_shape_is_refused():
    """The message names the structure and both shapes."""
    found = readings()
    with pytest.raises(GeometryError, match=r"probabilities of iph have shape \(2, 2, 2\)"):
        forecast_tables(found, {"iph": np.zeros((2, 2, 2), np.uint8)}, {"iph": (1,)}, domain_mask(found, "image"))
