import numpy as np
import pytest
from scipy import ndimage

from ctbench.metrics.lesions import CASE_COLUMNS, LESION_COLUMNS, PROTOCOLS, case_scores, lesion_list
from ctbench.reference import Reference

RULES = {"spacing_mm": (5.0, 1.0, 1.0), "labels": {"iph": 1}}
SHAPE = (6, 30, 30)
RATIOS = ["sensitivity", "precision", "f1", "sq", "pq", "lesion_dice"]


@pytest.fixture
def one(box):
    """A lesion of 60 voxels, and nothing."""
    return box(SHAPE, (3, 1, 15), (4, 7, 25)).astype(int), np.zeros(SHAPE, int)


def test_columns(pair):
    """Both frames have their columns, in their order, also without a row."""
    assert tuple(lesion_list(*pair, **RULES).columns) == LESION_COLUMNS
    nothing = np.zeros(SHAPE, int)
    assert tuple(lesion_list(nothing, nothing, **RULES).columns) == LESION_COLUMNS
    assert tuple(case_scores(*pair, **RULES).columns) == CASE_COLUMNS


def test_neither_a_lesion_nor_a_piece(one):
    """Ratios are undefined, except where a challenge has a value for it, and then a sentence says so."""
    rows = case_scores(one[1], one[1], **RULES, surfaces=True).set_index("protocol")
    assert set(rows.status) == {"both_empty"}
    presets = ["isles22", "brats-gli", "brats-met"]
    assert rows.drop(index=presets)[RATIOS].isna().all(axis=None)
    assert (rows.loc[presets, RATIOS] == 1).all(axis=None)
    assert (rows.loc[presets, "lesion_hd95_mm"] == 0).all()
    assert rows.loc["isles22", "detail"] == "ISLES 2022 counts a case without lesions as 1"
    assert (rows.detail == "").sum() == len(rows) - 3
    assert (rows.drop(index="cc").false_positive_volume_ml == 0).all()
    assert (rows.false_negative_volume_ml == 0).all()


def test_nothing_predicted(one):
    """All lesions are missed: F1 and sensitivity are 0, precision and SQ undefined, the missed volume is theirs."""
    rows = case_scores(*one, **RULES, surfaces=True).set_index("protocol")
    assert set(rows.status) == {"prediction_empty"}
    assert (rows.drop(index="cc")[["sensitivity", "f1", "pq", "lesion_dice"]] == 0).all(axis=None)
    assert rows[["precision", "sq"]].isna().all(axis=None)
    assert rows.false_negative_volume_ml.tolist() == pytest.approx([0.3] * len(PROTOCOLS))
    diagonal = np.linalg.norm(np.multiply(SHAPE, RULES["spacing_mm"]))
    assert rows.loc["any", "lesion_hd95_mm"] == pytest.approx(diagonal)
    assert rows.loc["brats-gli", "lesion_hd95_mm"] == 374
    assert rows.loc["cc", "lesion_dice"] == 0


def test_nothing_to_find(one):
    """All pieces are false: F1 and precision are 0, sensitivity undefined, the false volume is theirs."""
    rows = case_scores(*one[::-1], **RULES, surfaces=True).set_index("protocol")
    assert set(rows.status) == {"reference_empty"}
    assert rows.loc["cc", ["lesion_dice", "f1"]].isna().all()
    rows = rows.drop(index="cc")
    assert (rows[["precision", "f1", "pq", "lesion_dice"]] == 0).all(axis=None)
    assert rows[["sensitivity", "sq"]].isna().all(axis=None)
    assert rows.false_positive_volume_ml.tolist() == pytest.approx([0.3] * len(rows))


def test_a_piece_in_doubt_is_neither_true_nor_false(box):
    """A piece where some reader drew the structure lowers nothing: the case counts as one without a piece."""
    band = box(SHAPE, (2, 10, 10), (3, 16, 16))
    reference = Reference(np.zeros(SHAPE, int), band, np.ones(6, bool), "majority", (), {1: band})
    beside = box(SHAPE, (2, 10, 10), (3, 12, 20)).astype(int)
    rows = case_scores(reference, beside, **RULES).set_index("protocol")
    assert rows.loc["any", ["indeterminate", "false_positives", "count_difference"]].tolist() == [1, 0, 0]
    assert rows.loc["any", RATIOS].isna().all()
    assert rows.loc["isles22", "f1"] == 1


def test_splits_and_merges(box):
    """One lesion in two pieces is a split; one piece over two lesions is a merge."""
    lesion = box(SHAPE, (2, 5, 5), (3, 9, 20)).astype(int)
    parts = lesion.copy()
    parts[:, :, 10] = 0
    split, merged = (case_scores(*pair, **RULES).iloc[0] for pair in ((lesion, parts), (parts, lesion)))
    assert split[["splits", "merges", "count_difference"]].tolist() == [1, 0, 1]
    assert merged[["splits", "merges", "count_difference"]].tolist() == [0, 1, -1]
    found = lesion_list(parts, lesion, **RULES)
    assert found.outcome.tolist() == ["detected", "detected"]
    assert found.group.tolist() == [1, 1]


def test_what_is_said_of_one_lesion(box):
    """Volumes, the difference, the nearest piece, the slice and the group of a lesion and of a false piece."""
    lesion, piece = box(SHAPE, (3, 1, 15), (5, 7, 25)), box(SHAPE, (3, 1, 15), (5, 4, 25))
    false = box(SHAPE, (4, 20, 20), (5, 22, 22))
    first, second = lesion_list(lesion.astype(int), (piece | false).astype(int), **RULES).to_dict("records")
    assert (first["volume_ml"], first["predicted_volume_ml"]) == pytest.approx((0.6, 0.3))
    assert first["volume_difference_ml"] == pytest.approx(-0.3)
    assert (first["nearest_mm"], first["pieces"], first["group"], first["slice"]) == (0, 1, 1, 3)
    assert second["outcome"] == "false_positive"
    # The false piece begins at row 20, the lesion ends at row 6.
    assert (second["nearest_mm"], second["pieces"], second["slice"]) == (14, 0, 4)
    assert second["group"] != first["group"]
    assert np.isnan(second["dice"])


def test_distances_only_if_asked_for(one):
    """Without surfaces the distances are undefined, and all other figures the same."""
    lesion = one[0]
    fast, slow = (case_scores(lesion, np.roll(lesion, 2, 2), **RULES, surfaces=on) for on in (False, True))
    surfaces = ["lesion_hd95_mm", "lesion_nsd"]
    assert fast[surfaces].isna().all(axis=None)
    assert slow[surfaces].notna().all(axis=None)
    assert fast.drop(columns=surfaces).equals(slow.drop(columns=surfaces))


def test_confidence_is_the_mean_probability_of_a_piece():
    """Oracle: means over labelled pieces; a lesion has the highest of its pieces, a false piece its own."""
    rng = np.random.default_rng(2)
    truth, drawn = np.zeros((2, 4, 16, 16), int)
    truth[1:3, 2:6, 2:12] = 1
    drawn[1, 3, 2:5] = drawn[1:3, 4:6, 7:11] = drawn[2, 12:15, 0:3] = 1
    shares = rng.random(truth.shape)
    pieces, _ = ndimage.label(drawn, np.ones((3, 3, 3)))
    first, second, false = ndimage.mean(shares, pieces, [1, 2, 3])
    rows = lesion_list(
        truth, drawn, spacing_mm=(5, 1, 1), labels={"iph": 1}, surfaces=False, probabilities={"iph": shares}
    )
    assert rows["confidence"].tolist() == pytest.approx([max(first, second), false])
