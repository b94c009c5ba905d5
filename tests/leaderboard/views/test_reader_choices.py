"""The section of the page readers about number of readers, rules and tolerances."""

import pytest

from ctbench.agreement import how_many_readers, rules_side_by_side, study_choices, tolerance_yaml
from ctbench.datasets import load_dataset


def _table(test, *columns):
    return next(one.value for one in test.dataframe if set(columns) <= set(one.value.columns))


def test_subsets_of_readers_are_fused_after_a_click(app, toy_board, toy):
    """Tables and the lines to paste are those of the study, models are ranked; without the click nothing is read."""
    assert "dice_lowest" not in {name for one in app(toy_board, "readers").dataframe for name in one.value.columns}
    test = app(toy_board, "readers", subsets="true")
    expected = study_choices(load_dataset(toy), jobs=1)
    shown = _table(test, "label", "readers", "dice_lowest")
    assert shown["dice"].tolist() == pytest.approx(how_many_readers(expected)["dice"].tolist())
    rules = rules_side_by_side(expected)
    assert _table(test, "rule", "volume_ratio")["volume_ml"].tolist() == pytest.approx(rules["volume_ml"].tolist())
    assert tolerance_yaml(expected).strip() in {one.value for one in test.code}
    assert set(_table(test, "model", "rank_lowest", "first")["model"]) == {"sharp", "blunt"}
