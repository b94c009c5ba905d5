from dataclasses import replace

import pandas as pd
import pytest

from ctbench.report.frames import tables
from ctbench.report.frames.models_vs_readers import compared_with_readers, gaps_to_readers


@pytest.mark.parametrize("reference", ["leave-one-out", "majority"])
def test_the_model_is_compared_in_the_structures_that_it_knows(results, reference):
    """Over the positives, on one reference; metrics asked for together have the numbers of each by itself."""
    asked = {
        "model": "atlas",
        "structures": results.compared("atlas"),
        "averaged": results.averaged("atlas"),
        "reference": reference,
    }
    found = compared_with_readers(results, "atlas", reference, ["hd95", "dice"])
    assert list(found) == ["hd95", "dice"]
    gaps = gaps_to_readers(results, "atlas", reference, ["hd95", "dice"])
    for metric, table in found.items():
        pd.testing.assert_frame_equal(
            table, tables.comparison(results.positive_scores, **asked, metric=metric), check_exact=True
        )
        alone = tables.gaps(results.positive_scores, **asked, metrics=[metric])[metric]
        pd.testing.assert_frame_equal(gaps[metric], alone, check_exact=True)


def test_scans_of_a_patient_are_one_cluster(results):
    """With one patient for all cases there is no test."""
    one = replace(results, patients=dict.fromkeys(results.cases, "somebody"))
    assert compared_with_readers(results, "unet", "leave-one-out", ["dice"])["dice"]["p"].notna().all()
    assert compared_with_readers(one, "unet", "leave-one-out", ["dice"])["dice"]["p"].isna().all()
