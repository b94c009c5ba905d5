import pandas as pd
import pytest

from ctbench.report.export import summary_table, write_csv
from ctbench.report.frames.summaries import summary


def test_a_row_for_each_dataset_and_rater(runs, results):
    """Single readers are left out where they stand together; means are those of the summary."""
    table = summary_table(runs)
    assert set(table["dataset"]) == {"toy"}
    assert "reader1" not in set(table["rater"])
    for over, models in results.scopes.items():
        expected = summary(results, over, models, reference=results.fair, metrics=["dice"]).set_index("rater")["mean"]
        for rater in models:
            means = table.loc[table["rater"] == rater, "dice"].tolist()
            assert any(mean == pytest.approx(expected[rater]) for mean in means)


def test_files_are_named_after_their_dataset(small_runs, tmp_path):
    """They lie in the folder, and no two tables share one."""
    paths = write_csv(small_runs(), tmp_path / "csv")
    assert {path.parent for path in paths} == {tmp_path / "csv"}
    names = [path.name for path in paths]
    assert len(set(names)) == len(names)
    assert names[0] == "summary.csv"
    assert all(name.startswith("toy-") for name in names[1:])
    assert {"toy-structures.csv", "toy-volumes.csv", "toy-comparisons.csv"} <= set(names)


def test_values_are_not_rounded(small_runs, tmp_path):
    """What was written is what is shown on the terminal, to the last digit."""
    runs = small_runs()
    paths = {path.name: path for path in write_csv(runs, tmp_path / "csv")}
    pd.testing.assert_frame_equal(pd.read_csv(paths["summary.csv"], dtype={"structures": str}), summary_table(runs))
