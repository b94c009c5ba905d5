import numpy as np
import pytest
from scipy import ndimage

from ctbench.errors import UsageError
from ctbench.metrics import score
from ctbench.metrics.lesions import PROTOCOLS, case_scores, lesion_list, protocol

RULES = {"spacing_mm": (1, 1, 1), "labels": {"a": 1}}


@pytest.fixture(scope="module")
def figures(pair):
    """The figures of the pair under every protocol, by its name."""
    return case_scores(*pair, **RULES, surfaces=True).set_index("protocol")


def test_voxel_dice_of_the_pair(pair):
    """The Dice of all voxels, which no lesion protocol changes, is .794165."""
    assert score(*pair, **RULES, metrics=["dice"]).value[0] == pytest.approx(0.794165, abs=5e-7)


def test_isles(figures):
    """ISLES 2022: 2 detected, 1 missed, 1 false, F1 .666667, a count difference of 1."""
    row = figures.loc["isles22"]
    assert row[["detected", "missed", "false_positives", "count_difference"]].tolist() == [2, 1, 1, 1]
    assert row.f1 == pytest.approx(0.666667, abs=5e-7)


def test_brats(figures):
    """BraTS: lesion Dice .569697 with three dilations above 50 mm³, .427273 with one above 2 mm³."""
    assert figures.loc["brats-gli", "lesion_dice"] == pytest.approx(0.569697, abs=5e-7)
    assert figures.loc["brats-met", "lesion_dice"] == pytest.approx(0.427273, abs=5e-7)
    assert figures.loc["brats-gli", "ignored"] == 1
    # Two detected at 2 mm, one false at 374 mm; with metastases one missed as well.
    assert figures.loc["brats-gli", "lesion_hd95_mm"] == pytest.approx((2 + 2 + 374) / 3)
    assert figures.loc["brats-met", "lesion_hd95_mm"] == pytest.approx((2 + 2 + 2 * 374) / 4)


def test_panoptic_quality(figures):
    """PQ with an IoU above .5: .285714 x .666667 = .190476; with at least .5, panoptica's default, .333333."""
    assert figures.loc["pq", ["f1", "sq", "pq"]].tolist() == pytest.approx([0.285714, 0.666667, 0.190476], abs=5e-7)
    assert figures.loc["pq-panoptica", "pq"] == pytest.approx(0.333333, abs=5e-7)


def test_ious_of_the_pair(pair):
    """The IoUs are .666667 of A, and .333333 and .5 of B with its two pieces."""
    found = lesion_list(*pair, **RULES, protocols=["pq"], surfaces=False)
    assert found.overlap.tolist() == pytest.approx([2 / 3, 0.5, 0, 1 / 3, 0.5, 0])
    assert found.outcome.tolist() == ["detected", "missed", "missed", *["false_positive"] * 3]


def test_autopet(figures):
    """The false volume is that of the piece without overlap, the missed volume that of C."""
    row = figures.loc["autopet"]
    volumes = row[["false_positive_volume_ml", "false_negative_volume_ml"]].tolist()
    assert volumes == pytest.approx([0.064, 0.008])


def test_autopet_counts_pieces_of_18_neighbours():
    """Two boxes that share a corner only are two lesions for autoPET, and one elsewhere."""
    mask = np.zeros((4, 4, 4), int)
    mask[:2, :2, :2] = mask[2:, 2:, 2:] = 1
    lesions = case_scores(mask, mask, **RULES, protocols=["any", "autopet"]).lesions
    assert lesions.tolist() == [1, 2]


def test_component_regions(box):
    """Two cubes of 5 voxels shifted by one along every axis have a Dice of 64/125 each in CC-Metrics."""
    shape = (12, 12, 40)
    reference = box(shape, (2, 2, 2), (7, 7, 7)) | box(shape, (2, 2, 25), (7, 7, 30))
    prediction = np.roll(reference, (1, 1, 1), (0, 1, 2))
    found = lesion_list(reference, prediction, **RULES, protocols=["cc"], surfaces=False)
    assert found.dice.tolist() == pytest.approx([0.512, 0.512])


def test_component_regions_hold_the_false_pieces(pair):
    """With CC-Metrics a false piece lowers the Dice of the lesion nearest to it, and F1 is undefined."""
    row = case_scores(*pair, **RULES, protocols=["cc"]).iloc[0]
    assert row.lesion_dice == pytest.approx((0.8 + 2 * 180 / 396 + 0) / 3)
    assert row[["f1", "precision", "false_positives"]].isna().all()


def test_picai_matches_as_many_as_possible():
    """A piece goes to the lesion that would else have none, not to the one of the largest IoU."""
    reference, prediction = np.zeros((2, 1, 3, 40), int)
    reference[0, 1, 0:10] = reference[0, 1, 11:21] = 1
    # The first piece overlaps both lesions, more of the first; the second overlaps the first only.
    prediction[0, 1, 4:15] = prediction[0, 1, 0:3] = 1
    row = case_scores(reference, prediction, **RULES, protocols=["picai"]).iloc[0]
    assert row[["detected", "missed", "false_positives", "surplus"]].tolist() == [2, 0, 0, 0]


def test_picai_surplus_is_neither_true_nor_false(pair):
    """The smaller of B's two pieces, of an IoU of 1/3, is nothing; only the piece without overlap is false."""
    row = case_scores(*pair, **RULES, protocols=["picai"]).iloc[0]
    assert row[["detected", "false_positives", "surplus"]].tolist() == [2, 1, 1]
    assert row.f1 == pytest.approx(2 / 3)
    outcomes = lesion_list(*pair, **RULES, protocols=["picai"], surfaces=False).outcome.tolist()
    assert outcomes == ["detected", "detected", "missed", "surplus", "false_positive"]


def brats_by_scipy(reference, prediction, dilations, above_mm3):
    """Lesion Dice after Saluja et al., written down from their description with SciPy alone."""
    cube, element = np.ones((3, 3, 3)), ndimage.generate_binary_structure(3, 2)
    together, _ = ndimage.label(ndimage.binary_dilation(reference, element, iterations=dilations), cube)
    lesions = np.where(reference, together, 0)
    pieces, n = ndimage.label(prediction, cube)
    dices, true = [], set()
    for number in np.unique(lesions[lesions > 0]):
        lesion = lesions == number
        near = np.unique(pieces[ndimage.binary_dilation(lesion, element, iterations=dilations)])
        near = near[near > 0]
        true |= set(near.tolist())
        drawn = np.isin(pieces, near)
        if np.count_nonzero(lesion) > above_mm3:
            dices.append(2 * np.count_nonzero(lesion & drawn) / (np.count_nonzero(lesion) + np.count_nonzero(drawn)))
    return sum(dices) / (len(dices) + n - len(true))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("name", "dilations", "above"), [("brats-gli", 3, 50), ("brats-met", 1, 2)])
def test_brats_on_random_specks(specks, seed, name, dilations, above):
    """Lesion Dice is that of the description of the BraTS metrics, followed step by step with SciPy."""
    shape = (12, 60, 60)
    reference, prediction = (
        specks(seed, shape) & specks(seed + 20, shape),
        specks(seed + 1, shape) & specks(seed + 20, shape),
    )
    reference[2:9, 5:14, 5:14] = True
    prediction[3:9, 5:12, 7:14] = True
    row = case_scores(reference.astype(int), prediction.astype(int), **RULES, protocols=[name]).iloc[0]
    assert row.lesion_dice == pytest.approx(brats_by_scipy(reference, prediction, dilations, above))
    assert 0 < row.lesion_dice < 1


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_perfect_prediction_is_perfect(blobs, name):
    """Under every protocol a label map detects all of its own lesions that count, without a false piece."""
    label_map = blobs(0)
    rows = case_scores(label_map, label_map, spacing_mm=(2, 1, 1), labels={"b": 1, "c": 2}, protocols=[name])
    assert (rows.missed == 0).all()
    assert rows.lesion_dice.tolist() == [1, 1]
    if name != "cc":
        assert rows.f1.tolist() == [1, 1]
        assert rows.pq.tolist() == [1, 1]
        assert (rows.false_positives == 0).all()


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("axis", [1, 2])
def test_mirrored_scans_have_equal_scores(specks, name, axis):
    """Figures do not depend on the order in which voxels are stored."""
    masks = [(specks(seed) & specks(9)).astype(int) for seed in (0, 1)]
    rules = {"spacing_mm": (3.1, 0.7, 1.3), "labels": {"a": 1}, "protocols": [name]}
    here, there = (case_scores(*pair, **rules).iloc[0] for pair in (masks, [np.flip(m, axis) for m in masks]))
    names = ["detected", "missed", "f1", "pq", "lesion_dice", "splits", "merges"]
    assert there[names].tolist() == pytest.approx(here[names].tolist(), nan_ok=True)


def test_unknown_protocol():
    """The message lists the protocols."""
    with pytest.raises(UsageError, match=r"unknown lesion protocol 'brats'.*brats-gli, brats-met"):
        protocol("brats")
