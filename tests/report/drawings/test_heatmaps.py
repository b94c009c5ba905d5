import pandas as pd
import pytest

from ctbench.report.drawings.heatmaps import heat_chart

NAMES = {"rows": "r", "columns": "c", "value": "v", "title": "share"}


def square(size):
    """A table of size x size values from 0 to 1."""
    pairs = [(row, column) for row in range(size) for column in range(size)]
    values = [at / (size * size - 1) for at in range(size * size)]
    return pd.DataFrame({"r": [f"r{a}" for a, _ in pairs], "c": [f"c{b}" for _, b in pairs], "v": values})


def test_numbers_are_light_on_dark_squares():
    """Above three fifths of the range of colours they are white."""
    drawn = heat_chart(square(3), **NAMES).to_dict()
    (rows,) = drawn["datasets"].values()
    assert {row["ink"] for row in rows if row["shown"] > 0.6} == {"#ffffff"}
    assert "#ffffff" not in {row["ink"] for row in rows if row["shown"] <= 0.6}


@pytest.mark.parametrize(("size", "layers"), [(16, 2), (17, 1)])
def test_too_many_squares_have_no_numbers(size, layers):
    """Up to 260 squares are written into, more are coloured only."""
    assert len(heat_chart(square(size), **NAMES).to_dict()["layer"]) == layers


@pytest.mark.parametrize(("good", "scheme"), [(True, "blues"), (False, "oranges")])
def test_colours_say_whether_much_is_good(good, scheme):
    """The range of colours is that of the values, or the one that is asked for."""
    scale = heat_chart(square(2), good=good, **NAMES).to_dict()["layer"][0]["encoding"]["color"]["scale"]
    assert (scale["scheme"], scale["domain"]) == (scheme, [0.0, 1.0])
    scale = heat_chart(square(2), domain=(0.5, 2.0), **NAMES).to_dict()["layer"][0]["encoding"]["color"]["scale"]
    assert scale["domain"] == [0.5, 2.0]


def test_an_order_may_be_asked_for():
    """Rows and columns stand as they are named, and the chart grows with the rows."""
    drawn = heat_chart(square(2), order=(["r1", "r0", "r9"], ["c1", "c0"]), **NAMES).to_dict()
    encoding = drawn["layer"][0]["encoding"]
    assert (encoding["y"]["sort"], encoding["x"]["sort"]) == (["r1", "r0", "r9"], ["c1", "c0"])
    assert drawn["height"] - heat_chart(square(2), **NAMES).to_dict()["height"] == 30
