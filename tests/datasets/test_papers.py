import pandas as pd
import pytest

from ctbench.datasets import published
from ctbench.datasets.catalogs import builtin_catalog, read_catalog
from ctbench.datasets.papers import COLUMNS
from ctbench.errors import DatasetError, MissingFileError

OBSERVERS = ["observer1", "observer2", "observer3"]


@pytest.fixture(scope="module")
def cai():
    """The rows of Cai et al. 2020."""
    return published("cai2020")


@pytest.fixture(scope="module")
def chang():
    """The rows of Chang et al. 2018."""
    return published("chang2018")


def _cell(rows, **where):
    for column, value in where.items():
        rows = rows[rows[column] == value]
    assert len(rows) == 1
    return rows.iloc[0]


def test_every_row_has_its_source_and_a_known_dataset():
    """All rows have the same typed columns, a paper, a table, a metric, and a dataset of the catalogue."""
    rows = published()
    assert rows.columns.tolist() == list(COLUMNS)
    assert rows["value"].dtype == rows["sd"].dtype == "float64"
    assert not (rows[["paper", "table", "dataset", "metric", "statistic"]] == "").any(axis=None)
    entries = read_catalog(builtin_catalog())
    assert set(rows["dataset"]) == {name for name, found in entries.items() if found.entry.published}
    assert set(rows["unit"]) <= {"1", "mL", "%", ""}
    assert set(rows["rater_kind"]) == {"model", "reader", ""}
    key = ["paper", "table", "subset", "label", "size", "rater", "metric", "statistic"]
    tests = rows["statistic"].isin(["p", "p_below"])  # a test has a second rater
    assert not rows[~tests].duplicated(key).any()
    assert not rows[tests].duplicated([*key, "compared_with"]).any()


def test_labels_are_those_of_the_entries():
    """A row is about a label or group of its dataset, or says that it sums up."""
    entries = read_catalog(builtin_catalog())
    for (dataset, label), _ in published().groupby(["dataset", "label"]):
        known = entries[dataset].entry.label_set.names
        assert label in {*known, "overall", ""} or dataset == "oasis-multiatlas"


def test_a_dataset_without_published_figures_has_none():
    """The frame is empty and has its columns."""
    rows = published("bhsd")
    assert (len(rows), rows.columns.tolist()) == (0, list(COLUMNS))


@pytest.mark.parametrize(("table", "metric"), [("Table 2", "volume_difference_absolute_ml"), ("Table 3", "dice")])
def test_cai_tables_2_and_3_are_whole(cai, table, metric):
    """Eleven structures and the overall row, each for the model and three observers, with a standard deviation."""
    rows = cai[(cai["table"] == table) & (cai["metric"] == metric) & (cai["statistic"] == "mean")]
    assert rows.groupby("label").size().to_dict() == dict.fromkeys([*_cai_labels(), "overall"], 4)
    assert set(rows["rater"]) == {"model", *OBSERVERS}
    assert rows["sd"].notna().all()
    assert (rows["value_decimals"] == 2).all()
    assert (rows["sd_decimals"] == 2).all()
    assert (rows.loc[rows["mark"] == "*", "compared_with"] == "model").all()


def test_cai_asterisks_are_as_many_as_the_text_says(cai):
    """The text counts the observers that did not differ from the model, structure by structure."""
    marks = cai[(cai["mark"] == "*") & (cai["label"] != "overall")].groupby(["table", "label"]).size()
    text_2 = {"internal_capsule": 1, "cerebellum": 1, "caudate": 1, "subarachnoid_space": 1, "central_sulcus": 2}
    one = ["cerebellum", "insular_cortex", "dural_folds_sinuses", "lentiform", "septum_pellucidum"]
    text_3 = dict.fromkeys([*one, "subarachnoid_space", "ventricles"], 1)
    text_3 |= {"brainstem_cerebrum": 2, "internal_capsule": 2, "caudate": 3, "central_sulcus": 3}
    assert marks["Table 2"].to_dict() == text_2
    assert marks["Table 3"].to_dict() == text_3


def test_cai_overall_is_the_mean_over_structures(cai):
    """The overall row of Tables 2 to 4 is the mean of the eleven structures, within rounding."""
    means = cai[(cai["statistic"] == "mean") & (cai["metric"] != "reference_volume_ml")]
    checked = 0
    for _, rows in means.groupby(["table", "subset", "rater"]):
        overall = rows.loc[rows["label"] == "overall", "value"].item()
        assert rows.loc[rows["label"] != "overall", "value"].mean() == pytest.approx(overall, abs=0.0101)
        checked += 1
    assert checked == 12


def test_cai_last_columns_follow_from_the_others(cai):
    """Mean of the observers minus the model is the printed last column, within the rounding of its four terms."""
    for (table, label), rows in cai[cai["table"] != "Table 4"].groupby(["table", "label"]):
        means = rows[rows["statistic"] == "mean"].set_index("rater")["value"]
        printed = _cell(rows, statistic="observers_minus_model")["value"]
        worked_out = abs(means[OBSERVERS].mean() - means["model"])
        assert worked_out == pytest.approx(printed, abs=0.0151), (table, label)


def test_cai_shares_follow_from_the_volumes(cai):
    """The printed percentage is the difference over the reference volume, within the rounding of the difference."""
    for label in _cai_labels():
        rows = cai[(cai["table"] == "Table 2") & (cai["label"] == label)]
        volume = _cell(rows, metric="reference_volume_ml")["value"]
        difference = _cell(rows, statistic="observers_minus_model")["value"]
        share = _cell(rows, statistic="observers_minus_model_share")["value"]
        assert share == pytest.approx(100 * difference / volume, abs=100 * 0.0051 / volume + 0.0051)


def test_cai_table_4_repeats_the_model_of_table_3(cai):
    """The ground truth masks of Table 4 are those of Table 3, so the model's figures are the same."""
    model = cai[(cai["rater"] == "model") & (cai["subset"] == "ground-truth-masks") & (cai["metric"] == "dice")]
    columns = ["value", "sd"]
    third, fourth = (model[model["table"] == table].set_index("label")[columns] for table in ("Table 3", "Table 4"))
    pd.testing.assert_frame_equal(third, fourth)


def test_cai_table_4_is_whole(cai):
    """Four cohorts, compared in pairs; six asterisks in all."""
    rows = cai[cai["table"] == "Table 4"]
    assert rows.groupby("subset").size().to_dict() == dict.fromkeys(
        ["inph", "primary-test", "rsna", "ground-truth-masks"], 12
    )
    starred = set(rows.loc[rows["mark"] == "*", ["subset", "label"]].itertuples(index=False, name=None))
    masks = ["brainstem_cerebrum", "septum_pellucidum", "subarachnoid_space", "ventricles"]
    assert starred == {
        ("inph", "ventricles"),
        ("primary-test", "septum_pellucidum"),
        *(("ground-truth-masks", label) for label in masks),
    }
    pairs = dict(zip(rows["subset"], rows["compared_with"], strict=True))
    assert all(pairs[pairs[subset]] == subset for subset in pairs)


def test_chang_table_1_adds_up(chang):
    """Size classes add up to the printed totals, and totals to the hemorrhages of the text."""
    rows = chang[chang["table"] == "Table 1"]
    classes = rows[rows["size"] != "all"].groupby(["label", "subset"])["value"].sum()
    totals = rows[rows["size"] == "all"].set_index(["label", "subset"])["value"]
    assert classes.sort_index().to_dict() == totals.sort_index().to_dict()
    assert totals.groupby("subset").sum().to_dict() == {"test": 82, "validation": 901}


def test_chang_sensitivities_follow_from_the_counts(chang):
    """Percentages of the text are those of its counts (one is cut, not rounded), and Table 2 gives the same shares."""
    rows = chang[(chang["table"] == "ICH Detection") & (chang["unit"] == "%")]
    assert len(rows) == 6
    for row in rows.itertuples():
        found, total = map(int, row.detail.split(" of "))
        assert total == row.n
        assert 100 * found / total == pytest.approx(row.value, abs=0.1)
        printed = _cell(
            chang, table="Table 2", subset=row.subset, label=row.label, size="all", metric="detection_sensitivity"
        )
        assert printed["value"] == pytest.approx(found / total, abs=0.001)


def test_chang_table_2_is_whole(chang):
    """Four groups with five sizes, six statistics, two cohorts; the class without a test case is null."""
    rows = chang[chang["table"] == "Table 2"]
    assert len(rows) == 4 * 5 * 6 * 2
    absent = rows[rows["value"].isna()]
    assert set(absent["metric"]) == set(rows["metric"]) - {"detection_specificity"}
    assert set(absent[["label", "size", "subset"]].itertuples(index=False, name=None)) == {
        ("edh_sdh", "punctate", "test")
    }
    assert rows["value"].dropna().between(0.6, 1).all()


def test_chang_predictive_values_follow(chang):
    """On a balanced dataset the predictive value is sensitivity / (sensitivity + 1 - specificity), within rounding."""
    rows = chang[(chang["table"] == "Table 2") & (chang["metric"] != "detection_auc")].dropna(subset="value")
    wide = rows.pivot_table(index=["subset", "label", "size"], columns="metric", values="value")
    sensitivity, specificity = wide["detection_sensitivity"], wide["detection_specificity"]
    worked_out = sensitivity / (sensitivity + 1 - specificity)
    assert (worked_out - wide["detection_ppv"]).abs().max() < 0.0015
    assert len(wide.dropna()) == 39


def test_sharrock_tables_agree_with_each_other():
    """Means lie between minima and maxima, and subgroup means around the overall mean, weighted by their cases."""
    rows = published("mistie-iii")
    first = rows[rows["table"] == "Table 1"].pivot_table(index="rater", columns="statistic", values="value")
    assert len(first) == 5
    assert (first["min"] < first["mean"]).all()
    assert (first["mean"] < first["max"]).all()
    second = rows[rows["table"] == "Table 2"]
    assert second.groupby("rater").size().to_dict() == dict.fromkeys(
        ["2D VNET 512", "3D VNET 32", "3D VNET 64", "3D VNET 128"], 4
    )
    for rater, group in second.groupby("rater"):
        weighted = (group["value"] * group["n"].astype(float)).sum() / group["n"].astype(float).sum()
        assert weighted == pytest.approx(first.loc[rater, "mean"], abs=0.002)
    third = rows[rows["table"] == "Table 3"]
    assert third.groupby("rater")["statistic"].nunique().tolist() == [4] * 5
    assert (third.loc[third["statistic"] == "mean_difference", "value"] < 0).all()


def test_digits_of_a_printed_value_are_counted():
    """Trailing zeros count and dropped ones do not, because they say how a value was rounded."""
    rows = published("mistie-iii")
    assert _cell(rows, table="Table 1", rater="2D VNET 512", statistic="median")["value_decimals"] == 3
    short = _cell(rows, table="Table 2", rater="2D VNET 512", subset="ich-only")
    assert (short["value"], short["value_decimals"], short["sd_decimals"]) == (0.9, 1, 3)


def test_zhao_and_wachinger_are_whole():
    """Four models with four metrics; five methods in each of four figures, the winner as the text says."""
    zhao = published("instance2022")
    assert zhao.groupby("rater")["metric"].apply(set).tolist() == [{"dice", "hd", "rvd_absolute", "nsd"}] * 4
    wachinger = published("oasis-multiatlas")
    figures = wachinger[wachinger["table"].isin(["Figure 5", "Figure 6", "Figure 12", "Figure 13"])]
    assert figures.groupby("table").size().tolist() == [5] * 4
    median = figures[figures["table"] == "Figure 12"].set_index("rater")["value"]
    assert median["DeepNATcrf"] - median["PICSL"] == pytest.approx(0.007)
    mean = figures[figures["table"] == "Figure 13"].set_index("rater")["value"]
    assert mean["DeepNATcrf"] == mean["PICSL"]
    p = wachinger[wachinger["statistic"].isin(["p", "p_below"])].groupby(["label", "subset"]).size()
    assert p["overall"].to_dict() == {"15/15": 4, "20/10": 6 + 4}
    assert len(p.drop("overall")) == 8


def test_a_users_figures(tmp_path, write_catalog):
    """A user's catalogue may carry figures of its own in a file beside it; rows of other datasets are left out."""
    path = write_catalog(toy={"published": "mine.csv"})
    header = "paper,table,dataset,label,rater,metric,statistic,value\n"
    (tmp_path / "mine.csv").write_text(header + "Me 2026,1,toy,iph,us,dice,mean,0.90\nMe 2026,1,x,iph,us,dice,mean,1\n")
    row = _cell(published("toy", catalog=path), dataset="toy")
    assert (row["value"], row["value_decimals"], row["unit"]) == (0.9, 2, "")
    assert pd.isna(row["n"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("paper,tabel\n", "unknown column 'tabel'; did you mean 'table'"),
        ("paper,table\n", "no column 'dataset'"),
        (
            "paper,table,dataset,label,rater,metric,statistic,value\na,1,toy,iph,us,dice,mean,0.9*\n",
            "expected numbers in the column 'value'",
        ),
    ],
)
def test_wrong_figures_are_refused(tmp_path, write_catalog, text, message):
    """A wrong column or a number with a mark is told with the file."""
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(DatasetError, match=r"mine\.csv") as caught:
        published("toy", catalog=write_catalog(toy={"published": "mine.csv"}))
    assert message in str(caught.value)


def test_figures_that_are_not_there_are_told(write_catalog):
    """An entry that names a file without one is an error."""
    with pytest.raises(MissingFileError, match=r"lists the published figures 'mine\.csv'"):
        published("toy", catalog=write_catalog(toy={"published": "mine.csv"}))


def _cai_labels():
    return list(read_catalog(builtin_catalog())["cai2020"].entry.labels)
