from dataclasses import replace

import numpy as np
import pytest

from ctbench.errors import GeometryError
from ctbench.matching import match_labels
from ctbench.metrics import score
from ctbench.references import read_references
from ctbench.runs.cache import ScoreCache
from ctbench.runs.digests import reference_digest
from ctbench.runs.folder import RunFolder
from ctbench.runs.predicting import Outcome
from ctbench.runs.scoring import ScorePlan, score_case
from ctbench.scores import SCORE_COLUMNS, Status
from ctbench.volume import Volume, write_volume


@pytest.fixture
def plan(blobs):
    """Two metrics, by the majority."""
    return ScorePlan("blobs", blobs.labels, "majority", ("dice", "volume_ml"), "3d", 1.0)


@pytest.fixture
def match(blobs, bright):
    """The labels of a model that knows the group only."""
    return match_labels(blobs.labels, bright.info.labels)


@pytest.fixture
def paths(blobs, tmp_path):
    """A folder with the prediction of case b: what reader r2 drew, as the group."""
    folder = RunFolder(tmp_path / "run")
    drawn = blobs["b"].reader("r2")
    write_volume(drawn.with_array((drawn.array > 0).astype(np.uint8)), folder.prediction("b"))
    return folder


def test_tolerances_are_those_of_the_structures(plan):
    """One number stays one; of a mapping only what is scored is passed on."""
    assert plan.tolerance_of(["iph"]) == 1.0
    assert replace(plan, tolerance_mm={"iph": 2.0, "ivh": 1.0}).tolerance_of(["ivh"]) == {"ivh": 1.0}


def test_a_model_is_scored_on_every_reference(plan, blobs, match, paths):
    """Values are those of ``metrics.score`` on the same arrays; structures that it does not claim have none."""
    found = score_case(plan, blobs["b"], "bright", match, Outcome("b"), paths)
    rows = found.rows
    assert tuple(rows.columns) == SCORE_COLUMNS
    readings = read_references(blobs["b"], "majority")
    assert found.references == {name: reference_digest(one) for name, one in readings.references.items()}
    prediction = (blobs["b"].reader("r2").array > 0) * 3
    for name, reference in readings.references.items():
        expected = score(
            reference, prediction, spacing_mm=(4, 1, 1), labels={"hemorrhage": (1, 2, 3)}, metrics=plan.metrics
        )
        own = rows[(rows["reference"] == name) & (rows["label"] == "hemorrhage")]
        assert own["value"].tolist() == expected["value"].tolist()
        others = rows[(rows["reference"] == name) & (rows["label"] != "hemorrhage")]
        assert set(others["status"]) == {Status.UNSUPPORTED}
        assert others["value"].isna().all()


def test_a_lost_case_counts_with_the_worst_value(plan, blobs, match, paths):
    """No file is read; the reason stands in every row."""
    outcome = Outcome("c", Status.FAILED, "CUDA went away")
    rows = score_case(plan, blobs["c"], "bright", match, outcome, paths).rows
    own = rows[rows["label"] == "hemorrhage"]
    assert set(own["status"]) == {"failed"}
    assert set(own["detail"]) == {"CUDA went away"}
    assert (own.loc[own["metric"] == "dice", "value"] == 0).all()


def test_readers_are_scored_on_two_references_each(plan, blobs, paths):
    """The common one, and the one that they had no part in."""
    rows = score_case(plan, blobs["a"], "", None, None, paths).rows
    pairs = set(rows[["rater", "reference"]].itertuples(index=False, name=None))
    assert pairs == {(f"r{k}", name) for k in (1, 2, 3) for name in ("majority", f"majority-without-r{k}")}
    assert set(rows["rater_kind"]) == {"reader"}


def test_a_single_reader_has_no_rows(plan, blobs, blobs_folder, paths):
    """Its mask is the reference itself."""
    for reader in ("r2", "r3"):
        (blobs_folder / "readers" / reader / "a.nii.gz").unlink()
    case = replace(blobs["a"], reader_paths={"r1": blobs["a"].reader_path("r1")})
    assert score_case(plan, case, "", None, None, paths).rows.empty


def test_what_nobody_could_assess_has_no_value(plan, blobs, paths):
    """Case d has no ivh that could be assessed."""
    rows = score_case(plan, blobs["d"], "", None, None, paths).rows
    ivh = rows[rows["label"] == "ivh"]
    assert set(ivh["status"]) == {Status.NOT_ASSESSED}
    assert ivh["value"].isna().all()
    assert set(rows.loc[rows["label"] == "iph", "status"]) == {"ok"}


def test_a_prediction_on_another_grid_is_refused(plan, blobs, match, paths):
    """Both sides are named."""
    write_volume(Volume(np.zeros((6, 24, 20), np.uint8), (4.0, 1.0, 1.0)), paths.prediction("b"))
    with pytest.raises(GeometryError, match="case b"):
        score_case(plan, blobs["b"], "bright", match, Outcome("b"), paths)


def test_cached_scores_are_the_computed_ones(plan, blobs, match, paths):
    """The first time they are kept, the second time they are read: equal, and equal to those without a cache."""
    cached = replace(plan, cache=ScoreCache.default())
    first, second, plain = (
        score_case(one, blobs["b"], "bright", match, Outcome("b"), paths) for one in (cached, cached, plan)
    )
    assert first == second == plain


def test_a_structure_without_a_tolerance_is_said_to_have_none(plan):
    """A dataset that names tolerances must name one for each structure."""
    assert replace(plan, tolerance_mm={"iph": 2.0}).tolerance_of(["iph", "ivh"]) == {"iph": 2.0}


def test_a_reader_has_no_score_in_a_structure_that_he_was_not_asked_for(plan, blobs, paths, tmp_path):
    """Nor has anybody where none of the reference's readers was asked; other structures have their scores."""
    masks = {}
    for reader in ("r1", "r2"):
        drawn = blobs["b"].reader(reader)
        masks[reader] = tmp_path / f"{reader}.nii.gz"
        write_volume(drawn.with_array(np.where(drawn.array == 2, 0, drawn.array)), masks[reader])
    case = replace(blobs["b"], reader_paths={**blobs["b"].reader_paths, **masks})
    before = score_case(plan, case, "readers", None, None, paths).rows
    case = replace(case, reader_labels=dict.fromkeys(masks, ("iph",)))
    after = score_case(plan, case, "readers", None, None, paths).rows
    own = after[(after["label"] == "ivh") & (after["status"] == Status.NOT_ASSESSED)]
    assert set(zip(own["rater"], own["reference"], strict=True)) == {
        *((reader, reference) for reader in masks for reference in ("majority", f"majority-without-{reader}")),
        ("r3", "majority-without-r3"),
    }
    assert len(after) == len(before)
    assert set(after.loc[after["label"] == "iph", "status"]) == {"ok"}
