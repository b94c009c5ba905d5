"""The table of empty and missing structures, cell by cell."""

import numpy as np
import pytest

from ctbench.metrics import METRICS, missing_scores, score
from ctbench.reference import Reference

SPACING = (5.0, 1.0, 2.0)
SHAPE = (4, 6, 8)
DIAGONAL = float(np.linalg.norm(np.multiply(SHAPE, SPACING)))
VOLUME = 12 * 10 / 1000
OVERLAPS = ["dice", "jaccard", "nsd", "nsd_voxel", "f2", "volumetric_similarity", "boundary_iou", "cldice"]
DIRECTED = ["hd_from_prediction", "hd_from_reference", "asd_from_prediction", "asd_from_reference"]
DISTANCES = ["hd", "hd95", "assd", "masd", "hd95_pooled", "centre_distance", *DIRECTED]
NULL = None

TABLE = {
    # metric: both empty, prediction empty, reference empty, missing
    **dict.fromkeys(OVERLAPS, (NULL, 0, 0, 0)),
    "sensitivity": (NULL, 0, NULL, 0),
    "precision": (NULL, NULL, 0, 0),
    **dict.fromkeys(DISTANCES, (NULL, DIAGONAL, DIAGONAL, DIAGONAL)),
    "volume_ml": (0, 0, VOLUME, NULL),
    "reference_volume_ml": (0, VOLUME, 0, VOLUME),
    "volume_difference_ml": (0, -VOLUME, VOLUME, -VOLUME),
    "volume_difference_absolute_ml": (0, VOLUME, VOLUME, VOLUME),
    "rvd": (NULL, -1, NULL, -1),
    "rvd_absolute": (NULL, 1, NULL, 1),
    "abc2_ml": (0, 0, "some", NULL),
    "reference_abc2_ml": (0, "some", 0, "some"),
    "specificity_image": (1, 1, 1 - 12 / 192, 0),
    "balanced_accuracy_image": (NULL, 0.5, NULL, 0),
    "mcc_image": (NULL, 0, 0, -1),
    "euler_error": (0, 1, 1, NULL),
}


@pytest.fixture
def full():
    """Twelve voxels of code 7."""
    mask = np.zeros(SHAPE, np.int16)
    mask[1:3, 2:4, 3:6] = 7
    return mask


@pytest.fixture
def empty():
    """Background only."""
    return np.zeros(SHAPE, np.int16)


def cell(scores, metric):
    """Give the value and the status of one metric."""
    (row,) = scores[scores.metric == metric].itertuples()
    return row.value, row.status


def agrees(value, expected):
    """Whether a value is that of a cell of the table."""
    if expected is NULL:
        return np.isnan(value)
    return value > 0 if expected == "some" else value == pytest.approx(expected)


def test_the_table_is_complete():
    """No metric is left out of the table."""
    assert TABLE.keys() == METRICS.keys()


@pytest.mark.parametrize("surface", ["3d", "2d"])
@pytest.mark.parametrize("metric", TABLE)
def test_cells_of_score(metric, surface, full, empty):
    """A structure that is empty in either label map, or in both, gives the value and the status of the table."""
    both, prediction, reference, _ = TABLE[metric]
    arguments = {"spacing_mm": SPACING, "labels": {"a": 7}, "surface": surface, "metrics": [metric]}
    for masks, status, expected in [
        ((empty, empty), "both_empty", both),
        ((full, empty), "prediction_empty", prediction),
        ((empty, full), "reference_empty", reference),
    ]:
        value, found = cell(score(*masks, **arguments), metric)
        assert found == status
        assert agrees(value, expected)


@pytest.mark.parametrize("status", ["missing", "failed"])
@pytest.mark.parametrize("metric", TABLE)
def test_cells_of_missing(metric, status, full):
    """A case without a prediction gives the last column of the table."""
    scores = missing_scores(full, spacing_mm=SPACING, labels={"a": 7}, status=status, metrics="all")
    value, found = cell(scores, metric)
    assert found == status
    assert agrees(value, TABLE[metric][3])


@pytest.mark.parametrize("metric", [*OVERLAPS, *DISTANCES, "sensitivity", "precision", "rvd", "rvd_absolute"])
def test_missing_is_penalised_where_the_reference_is_empty_too(metric, empty):
    """Failing on a case without the structure is not better than any answer."""
    value, status = cell(missing_scores(empty, spacing_mm=SPACING, labels={"a": 7}, metrics="all"), metric)
    assert status == "missing"
    assert agrees(value, TABLE[metric][3])


@pytest.mark.parametrize("metric", TABLE)
def test_emptiness_is_judged_on_counted_voxels(metric, full, empty):
    """A structure that lies in uncounted voxels only is empty, alike for every metric."""
    everywhere = np.full(SHAPE, 7, np.int16)
    uncounted = Reference(empty, full == 7, np.ones(SHAPE[0], bool), "majority", (), possible={7: full == 7})
    arguments = {"spacing_mm": SPACING, "labels": {"a": 7}, "metrics": [metric]}
    assert cell(score(uncounted, full, **arguments), metric)[1] == "both_empty"
    nowhere = Reference(everywhere, np.zeros(SHAPE, bool), np.zeros(SHAPE[0], bool), "majority", ())
    assert cell(score(nowhere, full, **arguments), metric)[1] == "both_empty"
    surrounded = Reference(np.where(full == 7, 0, 7), full == 7, np.ones(SHAPE[0], bool), "majority", ())
    assert cell(score(surrounded, full, **arguments), metric)[1] == "prediction_empty"


def test_an_empty_prediction_never_scores_better_than_a_bad_one(full, empty):
    """A far-off prediction is nearer than the diagonal that an empty one is given."""
    far = np.zeros(SHAPE, np.int16)
    far[0, 0, 0] = 7
    arguments = {"spacing_mm": SPACING, "labels": {"a": 7}, "metrics": DISTANCES}
    assert (score(full, far, **arguments).value < score(full, empty, **arguments).value).all()
