"""The page compare: two raters, and who is better than whom."""

import pandas as pd
import pytest

from ctbench.boards import open_board
from ctbench.report.frames.comparable_runs import comparable_runs
from ctbench.report.frames.contestants import contestants
from ctbench.statistics import significance_matrix
from leaderboard.selection import Selection


def words_of(test):
    """All HTML that the page put out."""
    return "\n".join(one.proto.body for one in test.html)


def table_of(test, *columns):
    """The table on the page that has these columns."""
    return next(one.value for one in test.dataframe if set(columns) <= set(one.value.columns))


@pytest.fixture
def field(toy_board):
    """The raters of the toy board."""
    (found,) = comparable_runs(open_board(toy_board), "toy")
    return found


def test_two_models_are_tested_structure_by_structure(app, toy_board, field):
    """Differences are those of the scores on the references that both share; wins, ties and losses add up to n."""
    shown = table_of(app(toy_board, "compare", first="sharp", second="blunt"), "wins", "losses").set_index("label")
    assert shown.index.tolist() == ["overall", "iph", "ivh"]
    grids = [field.grid("dice", name) for name in field.expanded("leave-one-out")]
    for label, over in (("overall", ("iph", "ivh")), ("iph", ("iph",))):
        rows = contestants(grids, ("sharp", "blunt"), over, "dice", name_of=field.name_of)
        wide = rows.pivot_table(index="case", columns="rater", values="value", observed=True).dropna()
        assert shown.loc[label, "difference"] == pytest.approx((wide["blunt"] - wide["sharp"]).mean())
        assert shown.loc[label, "n"] == len(wide)
    assert (shown["wins"] + shown["ties"] + shown["losses"]).tolist() == shown["n"].tolist()
    assert (shown["losses"] > 0).all()


def test_the_pair_stays_when_another_metric_is_chosen(app, toy_board, monkeypatch):
    """The best two are looked for at the first visit only: ranking a large board takes seconds."""
    test = app(toy_board, "compare")
    assert [test.selectbox(key=key).value for key in ("first", "second")] == ["sharp", "all readers"]
    monkeypatch.setattr(Selection, "standings", None)
    test.selectbox(key="second").select("blunt").run()
    test.selectbox(key="metric").select("hd95").run()
    assert not test.exception
    assert "blunt against sharp" in words_of(test)


def test_cases_say_what_happened(app, toy_board):
    """Beside both values stands the outcome in words: the case that the second lost, and cases that were scored."""
    cases = table_of(app(toy_board, "compare", first="sharp", second="blunt"), "outcome_of_second").set_index("case")
    assert cases.loc["case2", "outcome_of_second"] == "failed (penalty)"
    assert "failed" not in " ".join(cases["outcome_of_first"])
    assert "scored" in set(cases["outcome_of_first"])
    together = table_of(app(toy_board, "compare", first="all readers", second="blunt"), "outcome_of_first")
    assert len(together) == len(cases)


def test_a_margin_makes_ties(app, toy_board):
    """A difference that one calls a tie is one."""
    plain, wide = (
        table_of(app(toy_board, "compare", first="all readers", second="sharp", tie=tie), "ties")
        for tie in ("0", "0.05")
    )
    assert wide["ties"].sum() > plain["ties"].sum()


def test_a_reader_is_compared_where_it_had_no_part(app, toy_board):
    """A single reader against a model: on the one reference without that reader."""
    test = app(toy_board, "compare", first="ann", second="sharp")
    assert table_of(test, "wins")["n"].iloc[0] > 0
    test = app(toy_board, "compare", first="ann", second="ben")
    assert "They share no reference and case" in words_of(test)
    test = app(toy_board, "compare", first="ann", second="ben", reference="majority")
    assert table_of(test, "wins")["n"].iloc[0] == 5


def test_volumes_are_drawn_with_their_limits(app, toy_board):
    """Bland-Altman of the selected structure, of the cases that hold it and have a volume of both raters."""
    test = app(toy_board, "compare", structure="ivh", first="sharp", second="blunt")
    assert "Bland-Altman plot of the volumes of ivh by both (n = 3 cases)" in words_of(test)


def test_the_matrix_is_that_of_the_statistics(app, toy_board, field):
    """Of the raters that are chosen, on the cases that all have."""
    test = app(toy_board, "compare")
    shown = next(one.value for one in test.dataframe if one.value.columns[0] == "rater").set_index("rater")
    grids = [field.grid("dice", name) for name in field.expanded("leave-one-out")]
    rows = contestants(grids, ["all readers", *field.models], ("iph", "ivh"), "dice", name_of=field.name_of)
    expected = significance_matrix(rows)
    pd.testing.assert_frame_equal(shown, expected, check_names=False, check_index_type=False, check_column_type=False)
    assert "Kendall" in words_of(test)


def test_at_most_thirty_raters(app, toy_board):
    """The page says how many it takes."""
    test = app(toy_board, "compare")
    chosen = next(one for one in test.multiselect if one.label.startswith("Raters"))
    assert chosen.proto.max_selections == 30
    assert chosen.value == ["all readers", "sharp", "blunt"]


def test_a_metric_that_is_good_neither_way_has_no_winner(app, toy_board):
    """Volumes are compared, but nobody is better."""
    test = app(toy_board, "compare", metric="Volume", reference="majority", first="sharp", second="blunt")
    assert "has no better direction: nobody is better" in words_of(test)
    assert table_of(test, "wins")["wins"].isna().all()


def test_one_rater_alone_has_nobody_to_be_compared_with(app, toy_runs):
    """The page says so."""
    test = app(toy_runs["sharp"].folder, "compare", reference="majority")
    assert "Comparing takes two raters" in words_of(test)


def test_a_single_structure_is_one_row_and_p_is_not_adjusted(app, toy_board):
    """There is nothing to adjust over: no row of an overall mean doubles P."""
    shown = table_of(app(toy_board, "compare", structure="iph", first="sharp", second="blunt"), "wins", "losses")
    assert shown["label"].tolist() == ["iph"]
    assert shown["p_holm"].tolist() == shown["p"].tolist()


def test_the_best_two_come_first(app, toy_board):
    """What is compared at first are the first two of the ranking."""
    test = app(toy_board, "compare")
    ranked = app(toy_board).dataframe[0].value["rater"].tolist()[:2]
    chosen = {one.label: one.value for one in test.selectbox}
    assert [chosen["First rater"], chosen["Second rater"]] == ranked
