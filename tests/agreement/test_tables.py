import pandas as pd

from ctbench.agreement import reliability, write_tables


def test_every_table_is_written_unrounded(study, tmp_path):
    """What was written is what the study holds, to the last digit."""
    paths = {path.name: path for path in write_tables(study, tmp_path / "new")}
    assert set(paths) == {
        *("pairs.csv", "pair-summary.csv", "agreement.csv", "reliability.csv"),
        *("by-reader.csv", "reader-summary.csv", "disagreement.csv", "skipped.csv"),
    }
    pairs = pd.read_csv(paths["pairs.csv"])
    assert list(pairs.columns) == list(study.pairs.columns)
    assert pairs["value"].equals(study.pairs["value"].reset_index(drop=True))
    assert len(pd.read_csv(paths["reliability.csv"])) == len(reliability(study)) == 3 * 9
    assert pd.read_csv(paths["skipped.csv"]).empty
