"""The tables against plain pandas."""

import numpy as np
import pandas as pd
import pytest

from ctbench.errors import UsageError
from ctbench.report.frames import tables
from ctbench.statistics import categorical_regression

READERS = ["reader1", "reader2", "reader3"]


def _values(scores, **wanted):
    for column, value in wanted.items():
        scores = scores[scores[column] == value]
    return scores["value"]


def test_common_reference(scores):
    """The one reference that no reader is left out of is found; two of them are refused."""
    assert tables.common_reference(scores) == "majority"
    other = scores.assign(reference=scores["reference"].str.replace("majority", "staple"))
    with pytest.raises(UsageError, match="majority, staple"):
        tables.common_reference(pd.concat([scores, other]))


def test_raters(scores):
    """Raters are told apart by their kind."""
    assert tables.raters(scores, "reader") == ("reader1", "reader2", "reader3")
    assert tables.raters(scores, "model") == ("unet", "atlas")


def test_scope(scores, label_codes):
    """The overall mean leaves unsupported labels out, and goes over groups where no label is supported."""
    labels = tuple(label_codes)
    assert tables.scope(scores, "unet", labels) == labels
    assert tables.scope(scores, "atlas", labels) == tuple(name for name in labels if name != "insular_cortex")
    whole = scores.assign(status=np.where(scores["label"] == "csf", scores["status"], "unsupported"))
    assert tables.scope(whole, "unet", labels, ("csf", "ventricles_all")) == ("csf",)


def test_per_structure_is_plain_pandas(scores):
    """Mean, SD, median and range of each structure, reference and rater are those of pandas, in the order asked for."""
    table = tables.per_structure(scores, ("ventricles", "caudate"), "dice")
    assert list(table["label"].unique()) == ["ventricles", "caudate"]
    assert len(table) == 2 * (3 * 2 + 2 * 4)
    for row in table.to_dict("records"):
        keys = {name: row[name] for name in ("label", "reference", "rater")}
        values = _values(scores, metric="dice", **keys)
        expected = [values.mean(), values.std(), values.median(), values.min(), values.max(), values.count()]
        np.testing.assert_allclose([row[name] for name in ("mean", "sd", "median", "min", "max", "n")], expected)


def test_counts_of_what_is_not_a_plain_value(scores):
    """Negatives, penalised, failed, not assessed and unsupported are counted where the fixture put them."""
    labels = ("septum_pellucidum", "central_sulcus", "insular_cortex", "caudate")
    table = tables.per_structure(scores[scores["reference"] == "majority"], labels, "dice")
    table = table.set_index(["label", "rater"])
    assert table.loc[("septum_pellucidum", "unet"), ["n", "negatives", "penalised"]].tolist() == [11, 1, 1]
    assert table.loc[("central_sulcus", "reader1"), ["n", "not_assessed"]].tolist() == [11, 1]
    assert table.loc[("insular_cortex", "atlas"), ["n", "unsupported"]].tolist() == [0, 12]
    assert table.loc[("caudate", "atlas"), ["n", "failed"]].tolist() == [12, 1]


def test_comparison_keeps_to_one_reference(scores, label_codes):
    """On leave-one-out references, reader and model stand on the reference without that reader, and nowhere else."""
    labels = tuple(label_codes)
    table = tables.comparison(
        scores, model="unet", structures=labels, averaged=labels, metric="dice", reference=tables.LEAVE_ONE_OUT
    )
    assert list(table["label"].unique()) == [*labels, "overall"]
    for row in table[table["label"] != "overall"].to_dict("records"):
        assert row["reference"] == f"majority-without-{row['rater']}"
        where = {"label": row["label"], "reference": row["reference"], "metric": "dice"}
        reader, model = _values(scores, rater=row["rater"], **where), _values(scores, rater="unet", **where)
        np.testing.assert_allclose([row["mean"], row["model_mean"]], [reader.mean(), model.mean()])
        np.testing.assert_allclose(row["difference"], reader.mean() - model.mean())


@pytest.mark.parametrize("reference", ["majority", "leave-one-out"])
@pytest.mark.parametrize("metric", ["dice", "hd95"])
def test_marks(scores, label_codes, reference, metric):
    """A reader is better exactly where p < .05 and its mean is on the good side of the model's; so is the model.

    On leave-one-out references p is adjusted over the readers.
    """
    labels = tuple(label_codes)
    table = tables.comparison(
        scores, model="unet", structures=labels, averaged=labels, metric=metric, reference=reference
    )
    gain = table["difference"] if metric == "dice" else -table["difference"]
    p = table["p_holm" if reference == "leave-one-out" else "p"]
    np.testing.assert_array_equal(table["reader_better"], (p < 0.05) & (gain > 0))
    np.testing.assert_array_equal(table["model_better"], (p < 0.05) & (gain < 0))
    assert table["reader_better"].any()
    assert not table["reader_better"].all()


def test_the_papers_test_takes_all_readers_at_once(scores, label_codes):
    """On the common reference the p values are those of one regression of the model and all readers."""
    labels = ("caudate", "ventricles")
    table = tables.comparison(
        scores, model="unet", structures=labels, averaged=labels, metric="dice", reference="majority"
    )
    chosen = scores[
        (scores["reference"] == "majority")
        & (scores["metric"] == "dice")
        & scores["label"].isin(labels)
        & (scores["rater"] != "atlas")
    ]
    expected = categorical_regression(chosen, baseline="unet").set_index(["label", "rater"])["p"]
    found = table[table["label"] != "overall"].set_index(["label", "rater"])["p"]
    np.testing.assert_allclose(found, expected.reindex(found.index))


def test_gap(scores):
    """Readers minus model is the mean of the readers' means minus the model's; the share is over the mean volume."""
    labels = ("caudate", "ventricles")
    metric = "volume_difference_absolute_ml"
    found = tables.gaps(
        scores, model="unet", structures=labels, averaged=labels, metrics=["dice", metric], reference="majority"
    )
    table = found[metric].set_index("label")
    assert found["dice"]["share_percent"].isna().all()
    where = {"reference": "majority", "label": "caudate"}
    readers = np.mean([_values(scores, rater=name, metric=metric, **where).mean() for name in READERS])
    difference = readers - _values(scores, rater="unet", metric=metric, **where).mean()
    shown = scores[scores["rater"].isin([*READERS, "unet"])]
    volume = _values(shown, metric="reference_volume_ml", **where).mean()
    np.testing.assert_allclose(table.loc["caudate", "difference"], difference)
    np.testing.assert_allclose(table.loc["caudate", "share_percent"], 100 * difference / volume)
    np.testing.assert_allclose(
        table.loc["overall", "share_percent"], table.loc[list(labels), "share_percent"].abs().mean()
    )


def test_gap_on_leave_one_out_references(scores):
    """Reader and model are subtracted on each reference before the differences are averaged; ratios have no share."""
    asked = {"model": "unet", "structures": ("caudate",), "averaged": ("caudate",), "reference": "leave-one-out"}
    table = tables.gaps(scores, **asked, metrics=["dice"])["dice"].set_index("label")
    differences = []
    for name in READERS:
        where = {"reference": f"majority-without-{name}", "label": "caudate", "metric": "dice"}
        differences.append(_values(scores, rater=name, **where).mean() - _values(scores, rater="unet", **where).mean())
    np.testing.assert_allclose(table.loc["caudate", "difference"], np.mean(differences))
    assert table["share_percent"].isna().all()


def test_volume_pairs(scores):
    """Volumes are paired by case; the failed case counts as 0 mL among positives, and not at all among all cases."""
    pairs = tables.volume_pairs(scores, rater="atlas", reference="majority", structures=("caudate",))
    assert len(pairs) == 12
    assert pairs.set_index("case").loc["case11", "measured_ml"] == 0
    everywhere = tables.volume_pairs(
        scores, rater="atlas", reference="majority", structures=("caudate",), population="all"
    )
    assert len(everywhere) == 11
    row = pairs.iloc[0]
    where = {"rater": "atlas", "reference": "majority", "label": "caudate", "case": row["case"]}
    assert row["measured_ml"] == _values(scores, metric="volume_ml", **where).item()
    assert row["reference_ml"] == _values(scores, metric="reference_volume_ml", **where).item()


def test_volumes(scores):
    """Correlation, bias and limits are those of numpy; a row for each structure and rater that has volumes."""
    table = tables.volumes(scores, reference="majority", structures=("caudate", "insular_cortex"))
    assert len(table) == 5 + 4  # atlas does not support the insular cortex
    row = table[(table["label"] == "caudate") & (table["rater"] == "unet")].iloc[0]
    pairs = tables.volume_pairs(scores, rater="unet", reference="majority", structures=("caudate",))
    difference = pairs["measured_ml"] - pairs["reference_ml"]
    np.testing.assert_allclose(row["pearson_r"], np.corrcoef(pairs["reference_ml"], pairs["measured_ml"])[0, 1])
    np.testing.assert_allclose(row["mean_difference"], difference.mean())
    np.testing.assert_allclose(row["upper"] - row["lower"], 2 * 1.959964 * difference.std(), rtol=1e-6)


def test_failures_and_gaps_are_listed_once(scores):
    """Each failed case and each unsupported structure is one row."""
    assert tables.failures(scores)[["rater", "case", "outcome"]].values.tolist() == [["atlas", "case11", "failed"]]
    missing = scores.assign(status=scores["status"].replace("failed", "missing"))
    assert tables.failures(missing)["outcome"].tolist() == ["no prediction"]
    assert tables.unsupported(scores).values.tolist() == [["atlas", "insular_cortex"]]
