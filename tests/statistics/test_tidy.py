"""Every function of tidy scores takes them as they come from memory, from a file, or as categories."""

import io

import numpy as np
import pandas as pd
import pytest

from ctbench import statistics


@pytest.fixture
def study(tidy):
    """Two models and two readers on the common and the leave-one-out references, with reference volumes."""
    rng, tables = np.random.default_rng(0), []
    for label in ("caudate", "lentiform"):
        for reference in ("majority", "majority-without-reader1", "majority-without-reader2"):
            readers = ["reader1", "reader2"] if reference == "majority" else [reference[-7:]]
            raters = ["model", "other", *readers]
            where = {"label": label, "reference": reference}
            tables.append(tidy({rater: rng.random(8) for rater in raters}, **where))
            volumes = {rater: 5 + np.arange(8.0) for rater in raters}
            tables.append(tidy(volumes, metric="reference_volume_ml", unit="mL", **where))
    return pd.concat(tables, ignore_index=True)


def _from_parquet(scores):
    file = io.BytesIO()
    scores.to_parquet(file)
    return pd.read_parquet(io.BytesIO(file.getvalue()))


def _reversed_categories(scores):
    coded = STORED["categories"](scores)
    order = {name: [*reversed(own.cat.categories), "nobody"] for name, own in coded.items() if name != "value"}
    return coded.assign(**{name: coded[name].cat.set_categories(names) for name, names in order.items()})


STORED = {
    "parquet": _from_parquet,
    "categories": lambda scores: scores.astype(dict.fromkeys(scores.columns.drop("value"), "category")),
    "other categories": _reversed_categories,
    "nullable": lambda scores: scores.astype({"value": "Float64"}),
    "objects": lambda scores: scores.astype({"rater": object, "label": object}),
    "another index": lambda scores: scores.set_axis(np.zeros(len(scores), int)),
}

CALLS = {
    "describe": lambda s, common: s.describe(common),
    "overall": lambda s, common: s.overall(common, labels=["caudate", "lentiform"]),
    "regression": lambda s, common: s.categorical_regression(common, baseline="model"),
    "clustered": lambda s, common: s.categorical_regression(common, baseline="model", variant="clustered"),
    "mixed": lambda s, common: s.categorical_regression(common, baseline="model", variant="mixed"),
    "paired": lambda s, common: s.paired_tests(common, baseline="model"),
    "side by side": lambda s, common: s.paired_differences(common, first="model", second="other"),
    "pooled": lambda s, common: s.pooled_wilcoxon(common, baseline="model", labels=["caudate", "lentiform"]),
    "equivalence": lambda s, common: s.equivalence(common, model="model", margin=0.1),
    "within readers": lambda s, common: s.within_readers(common, model="model"),
    "failures": lambda s, common: s.failures(common),
    "rank": lambda s, common: s.rank(common),
    "stability": lambda s, common: s.rank_stability(common),
    "significance": lambda s, common: s.significance_matrix(common[common["label"] == "caudate"]),
}


@pytest.mark.parametrize("stored", STORED)
@pytest.mark.parametrize("call", CALLS)
def test_storage_changes_nothing(study, call, stored):
    """Each table of one metric on the common reference is the same however the scores are stored."""
    common = study[(study["reference"] == "majority") & (study["metric"] == "dice")]
    expected, found = (CALLS[call](statistics, scores) for scores in (common, STORED[stored](common)))
    pd.testing.assert_frame_equal(expected, found, check_dtype=False, check_column_type=False, check_index_type=False)


@pytest.mark.parametrize("stored", STORED)
def test_storage_changes_nothing_in_tables_of_several_references(study, stored):
    """Neither do the leave-one-out comparison, the readers minus the model, and the correlation with size change."""
    kept = STORED[stored](study)
    for call in (
        lambda t: statistics.leave_one_out_regression(t[t["metric"] == "dice"], baseline="model"),
        lambda t: statistics.readers_minus_model(t[t["reference"] == "majority"], model="model"),
        lambda t: statistics.size_correlation(t[t["reference"] == "majority"]),
    ):
        pd.testing.assert_frame_equal(call(study), call(kept), check_dtype=False, check_column_type=False)


COMPARISONS = ("regression", "clustered", "mixed", "paired", "equivalence")


@pytest.mark.parametrize("call", COMPARISONS)
def test_one_rater_has_nobody_to_be_compared_with(tidy, call):
    """A comparison of the baseline alone is a table without rows that still has its columns."""
    alone = tidy({"model": [0.5, 0.6]})
    table = CALLS[call](statistics, alone)
    assert table.empty
    assert {"label", "rater", "difference", "reason"} <= set(table.columns)


def test_one_rater_is_first_of_one(tidy):
    """A single rater has rank 1 for sure, and nothing to be stable or significant against."""
    alone = tidy({"model": [0.5, 0.6]})
    assert statistics.rank(alone)[["rank", "rank_low", "rank_high"]].to_numpy().tolist() == [[1, 1, 1]]
    assert np.isnan(statistics.rank_stability(alone).iloc[0]["tau"])
    assert statistics.significance_matrix(alone).isna().all(axis=None)


@pytest.mark.parametrize("call", [*COMPARISONS, "within readers", "rank"])
def test_one_case_says_why_there_is_no_test(tidy, call):
    """With one case, every table of comparisons has its rows and a reason, and no p."""
    table = CALLS[call](statistics, tidy({"model": [0.5], "other": [0.7], "reader1": [0.6]}))
    assert len(table) >= 1
    assert (table["reason"] != "").all()
    assert table[[name for name in table.columns if name in ("p", "p_equivalence")]].isna().all(axis=None)
