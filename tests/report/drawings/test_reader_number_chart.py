import pandas as pd
import pytest

from ctbench.report.drawings.reader_number_chart import reader_number_chart


@pytest.fixture
def table():
    """Two structures with two numbers of readers each, of which the second is recommended in one."""
    rows = [
        ("iph", 1, 0.9, 0.8, False),
        ("iph", 2, 0.95, 0.91, True),
        ("a", 1, 0.7, 0.62, False),
        ("a", 2, 1, 1, False),
    ]
    frame = pd.DataFrame(rows, columns=["label", "readers", "dice", "lowest", "recommended"])
    return frame.assign(name="consensus", highest=frame["dice"])


def test_every_structure_has_a_panel_in_the_order_of_the_table(table):
    """The axis begins below the lowest subset, and only recommended numbers have a ring."""
    drawn = reader_number_chart(table, "Dice with all").to_dict()
    assert drawn["facet"]["sort"] == ["iph", "a"]
    area, line, _, ring = drawn["spec"]["layer"]
    assert line["encoding"]["y"]["scale"]["domain"] == [0.57, 1.0]
    assert (area["encoding"]["y"]["field"], area["encoding"]["y2"]["field"]) == ("lowest", "highest")
    assert ring["transform"] == [{"filter": "datum.recommended"}]


def test_a_legend_tells_several_names_apart(table):
    """A single name needs none."""
    both = pd.concat([table, table.assign(name="other")])
    for rows, legend in ((table, False), (both, True)):
        line = reader_number_chart(rows, "Dice").to_dict()["spec"]["layer"][1]
        assert (line["encoding"]["color"]["legend"] is not None) is legend
