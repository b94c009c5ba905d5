import json

import numpy as np
import pandas as pd
import pytest

from ctbench.report.drawings import charts
from ctbench.report.drawings.colours import KIND_COLOURS

HOSTILE = ["=1+1", "<script>alert(1)</script>", "**bold** [x](http://x)", "a" * 500, "datum.x['y']", "🧠 \u202e"]


def drawn(chart):
    """The chart as the browser gets it; making it checks its form."""
    spec = chart.to_dict()
    return spec, json.dumps(spec, ensure_ascii=False)


@pytest.fixture
def table():
    """A standing of six raters with hostile names."""
    count = len(HOSTILE)
    return pd.DataFrame(
        {
            "rater": HOSTILE,
            "rater_kind": ["model", "readers", "reader", "reader", "published", "model"],
            **{name: np.linspace(0.5, 0.9, count) for name in ("mean", "low", "high")},
            "n": 12,
            "rank": [1, 2, None, None, None, 3],
        }
    )


def test_names_are_data_and_no_part_of_an_expression(table):
    """Whatever a rater is called stands in the rows of the chart only."""
    spec, _ = drawn(charts.standing_chart(table, "dice", "1"))
    rows = spec.pop("datasets")
    for name in HOSTILE:
        assert json.dumps(name, ensure_ascii=False)[1:-1] not in json.dumps(
            {key: value for key, value in spec.items() if key != "layer"}, ensure_ascii=False
        )
    kept = [row["rater"] for own in rows.values() for row in own if "rater" in row]
    assert set(kept) == set(HOSTILE)


def test_the_band_spans_the_single_readers(table):
    """From the lowest to the highest mean of a reader; no reader, no band."""
    spec, _ = drawn(charts.standing_chart(table, "dice", "1"))
    bands = [row for own in spec["datasets"].values() for row in own if set(row) == {"low", "high"}]
    singles = table[table["rater_kind"] == "reader"]["mean"]
    assert bands == [{"low": singles.min(), "high": singles.max()}]
    alone, _ = drawn(charts.standing_chart(table[table["rater_kind"] == "model"], "dice", "1"))
    assert len(alone["layer"]) == 2


def test_raters_have_the_colours_of_the_palette(table):
    """Models stand out by their own colour; without a palette, and for who is not in it, the kind has one."""
    model, readers = table.loc[0, "rater"], table.loc[1, "rater"]
    spec, _ = drawn(charts.standing_chart(table, "dice", "1", palette={model: "#cc79a7"}))
    scale = next(one["encoding"]["color"]["scale"] for one in spec["layer"] if "color" in one["encoding"])
    shades = dict(zip(scale["domain"], scale["range"], strict=True))
    assert (shades[model], shades[readers]) == ("#cc79a7", KIND_COLOURS["readers"])


def test_kinds_of_raters_differ_in_words_and_shapes(table):
    """Readers as one and single readers are not drawn alike, nor called alike."""
    spec, _ = drawn(charts.standing_chart(table, "dice", "1"))
    scale = next(one["encoding"]["shape"]["scale"] for one in spec["layer"] if "shape" in one["encoding"])
    assert {"model", "readers as one", "single reader"} <= set(scale["domain"])
    assert len(set(scale["range"])) == len(scale["domain"])


def test_axes_have_units_and_say_what_is_good(table):
    """HD95 is in mm, and lower is better."""
    _, text = drawn(charts.standing_chart(table, "hd95", "mm"))
    assert "HD95, mm, lower is better" in text


@pytest.fixture
def pairs():
    """Two raters on twenty cases."""
    generator = np.random.default_rng(0)
    first = generator.random(20)
    second = first + generator.normal(0.05, 0.1, 20)
    return pd.DataFrame(
        {"case": [f"c{at}" for at in range(20)], "first": first, "second": second, "difference": second - first}
    )


def test_pairs_are_drawn_case_by_case(pairs):
    """Scatter, differences in order with the better rater's colour, and Bland-Altman with bias, limits and curve."""
    spec, text = drawn(charts.scatter_chart(pairs, "old", "new", "hd95", "mm"))
    assert "HD95, mm: old" in text
    assert sum(len(rows) for rows in spec["datasets"].values()) == 22
    spec, text = drawn(charts.difference_chart(pairs, "old", "new", "dice", "1"))
    assert spec["encoding"]["color"]["scale"]["range"][:2] == ["#d55e00", "#0072b2"]
    own, _ = drawn(charts.difference_chart(pairs, "old", "new", "dice", "1", {"old": "#009e73", "new": "#cc79a7"}))
    assert own["encoding"]["color"]["scale"]["range"][:2] == ["#009e73", "#cc79a7"]
    (rows,) = spec["datasets"].values()
    assert [row["difference"] for row in rows] == sorted(pairs["difference"])
    assert {row["outcome"] for row in rows if row["difference"] > 0} == {"second better"}
    spec, text = drawn(charts.agreement_chart(pairs, "old", "new"))
    lines = [row["value"] for own in spec["datasets"].values() for row in own if "line" in row]
    mean, sd = pairs["difference"].mean(), pairs["difference"].std()
    assert lines == pytest.approx([mean, mean - 1.96 * sd, mean + 1.96 * sd], rel=1e-3)
    assert "mean of both, mL" in text


def test_significance_and_ranks(table):
    """A cell for each pair, none tested with itself; a line for each rank."""
    p = pd.DataFrame([[None, 0.0004], [0.3, None]], index=["a", "b"], columns=["a", "b"], dtype=float)
    spec, _ = drawn(charts.significance_chart(p))
    (rows,) = spec["datasets"].values()
    assert [row["verdict"] for row in rows] == ["no test", "P < .001", "not significant", "no test"]
    ranked = pd.DataFrame({"rater": ["a", "b"], "rank": [1.0, 2.0], "rank_low": 1.0, "rank_high": 2.0, "n": 9})
    spec, _ = drawn(charts.rank_chart(ranked, {"a": "#0072b2", "b": "#d55e00"}))
    assert [len(rows) for rows in spec["datasets"].values()] == [2]
