from dataclasses import replace

import pandas as pd
import pytest

from ctbench.report.frames import tables
from ctbench.report.frames.models_vs_readers import compared_with_readers, gap_to_readers


@pytest.mark.parametrize("reference", ["leave-one-out", "majority"])
def test_the_model_is_compared_in_the_structures_that_it_knows(results, reference):
    """Over the positives, on one metric and reference."""
    asked = {
        "model": "atlas",
        "structures": results.compared("atlas"),
        "averaged": results.averaged("atlas"),
        "metric": "dice",
        "reference": reference,
    }
    found = compared_with_readers(results, "atlas", reference, "dice")
    pd.testing.assert_frame_equal(found, tables.comparison(results.positive_scores, **asked))
    gap = gap_to_readers(results, "atlas", reference, "dice")
    pd.testing.assert_frame_equal(gap, tables.gap(results.positive_scores, **asked))


def test_scans_of_a_patient_are_one_cluster(results):
    """With one patient for all cases there is no test."""
    one = replace(results, patients=dict.fromkeys(results.cases, "somebody"))
    assert compared_with_readers(results, "unet", "leave-one-out", "dice")["p"].notna().all()
    assert compared_with_readers(one, "unet", "leave-one-out", "dice")["p"].isna().all()
