from dataclasses import make_dataclass

import pandas as pd
import pytest

from ctbench.report.frames.agreement import indeterminate_shares, statistic_title

Study = make_dataclass("Study", ["by_reader"])


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("cohen_kappa", "Cohen's kappa"),
        ("icc(3,k)", "ICC(3,k)"),
        ("staple_sensitivity", "Sensitivity"),
        ("hd95", "HD95"),
    ],
)
def test_names_are_written_as_people_write_them(name, title):
    """Statistics have titles of their own, metrics theirs."""
    assert statistic_title(name) == title


def test_a_share_is_there_once_for_each_structure_and_case():
    """The study repeats it for every reader and beside other metrics."""
    rows = [
        {"case": case, "label": label, "reader": reader, "metric": metric, "value": value}
        for case, label, value in (("a", "iph", 0.25), ("a", "ivh", None), ("b", "iph", 0.0))
        for reader in ("r1", "r2")
        for metric in ("indeterminate_share", "without_dice")
    ]
    found = indeterminate_shares(Study(pd.DataFrame(rows)))
    assert list(found.columns) == ["case", "label", "share"]
    assert found[["case", "label"]].to_numpy().tolist() == [["a", "iph"], ["a", "ivh"], ["b", "iph"]]
    assert found["share"].fillna(-1).tolist() == [0.25, -1, 0.0]
