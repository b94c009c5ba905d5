import numpy as np
import pytest

from ctbench.agreement.voxels import agreement_rows, staple_performance, staple_rows


def units_of(panel):
    """The voxels of each structure of a panel."""
    return {label: panel.units(codes) for label, codes in panel.structures.items()}


def test_shifted_boxes_have_closed_forms(shifted_panel, value_of):
    """Of 600 voxels, 144 have three votes, 48 two, 48 one: Fleiss' kappa; 20/28 of the pairs' columns are shared."""
    rows = agreement_rows(shifted_panel, units_of(shifted_panel))
    observed, share = (600 - 96 + 96 / 3) / 600, (3 * 144 + 2 * 48 + 48) / 1800
    chance = share**2 + (1 - share) ** 2
    kappa = (observed - chance) / (1 - chance)
    assert value_of(rows, metric="fleiss_kappa") == pytest.approx(kappa)
    # Krippendorff's correction for few units: n - 1 readings in place of n.
    assert value_of(rows, metric="krippendorff_alpha") == pytest.approx(kappa + (1 - kappa) / 1800)
    assert value_of(rows, metric="generalised_conformity_index") == pytest.approx((7 + 7 + 6) / (9 + 9 + 10))


def test_full_agreement_is_one(make_panel, value_of):
    """Readers who draw the same box agree beyond chance, because the box has a rim of background."""
    labels = np.zeros((4, 6, 6), np.uint8)
    labels[1:3, 2:4, 2:4] = 1
    rows = agreement_rows(panel := make_panel({"a": labels, "b": labels}), units_of(panel))
    assert [row["value"] for row in rows] == [1.0, 1.0, 1.0]


def test_kappa_does_not_depend_on_the_size_of_the_image(shifted_panel, make_panel):
    """Air around the head makes readers no more alike."""
    wider = make_panel({reader: np.pad(array, 7) for reader, array in shifted_panel.label_maps.items()})
    found, expected = (agreement_rows(panel, units_of(panel)) for panel in (wider, shifted_panel))
    assert found == expected


def test_what_nobody_drew_has_no_value(make_panel):
    """An absent structure is undefined, with a reason, for every statistic and reader."""
    empty = np.zeros((2, 4, 4), np.uint8)
    panel = make_panel({"a": empty, "b": empty})
    rows = [*agreement_rows(panel, units_of(panel)), *staple_rows(panel, units_of(panel))]
    assert {row["status"] for row in rows} == {"both_empty"}
    assert all(np.isnan(row["value"]) and row["detail"].startswith("nobody drew it") for row in rows)


def test_alpha_takes_slices_that_not_all_annotated(make_panel, value_of):
    """Three readers of whom one skips the second slice: the two others disagree there, and only alpha sees it."""
    labels = np.zeros((2, 6, 6), np.uint8)
    labels[:, 2:4, 2:4] = 1
    other = labels.copy()
    other[1, 2:4, 2:4] = 0
    panel = make_panel({"a": labels, "b": other, "c": labels}, {"c": np.array([True, False])})
    rows = agreement_rows(panel, units_of(panel))
    assert value_of(rows, metric="fleiss_kappa") == 1.0
    assert value_of(rows, metric="krippendorff_alpha") < 1.0


def test_staple_finds_what_readers_were_made_with():
    """Three simulated readers of known sensitivity and specificity on many independent voxels."""
    generator = np.random.default_rng(3)
    truth = generator.random(40_000) < 0.3
    made = np.array([(0.95, 0.99), (0.85, 0.9), (0.7, 0.97)])
    masks = np.stack([generator.random(truth.size) < np.where(truth, good, 1 - spared) for good, spared in made])
    np.testing.assert_allclose(staple_performance(masks), made, atol=0.02)


@pytest.mark.parametrize("value", [True, False])
def test_staple_needs_both_kinds_of_voxels(value):
    """All drawn or none drawn leaves one of the two undefined: neither is made up."""
    assert np.isnan(staple_performance(np.full((3, 10), value))).all()
