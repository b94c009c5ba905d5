"""Tables in a terminal."""

import pytest

from ctbench.cli.tables import print_table

WIDE = {
    "dataset": ["phantom-hemorrhage"] * 3,
    "rater": ["all readers", "cascade-unet-demo", "hybrid-mask-rcnn-demo"],
    "volume_difference_absolute_ml": ["0.823 ± 0.853", "0.915 ± 0.948", "3.111 ± 5.503"],
    "hd95": ["2.027 ± 0.990", "26.648 ± 39.364", "110.382 ± 151.466"],
    "nsd": [0.834, 0.719, -0.0001],
    "p_holm": [0.00001, 0.0312, None],
    "reason": ["", None, float("nan")],
}


def printed(capsys, table, width):
    """The lines of a table in a terminal of a width."""
    print_table(table, width=width)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_number_or_name_is_broken_and_no_line_is_too_long(capsys, width):
    """Every value stands whole on a line, at any width; what does not fit stands below, behind the row's name."""
    lines = printed(capsys, WIDE, width)
    for name in ("rater", "volume_difference_absolute_ml", "hd95"):
        for value in WIDE[name]:
            assert any(value in line for line in lines)
    assert max(map(len, lines)) <= width


def test_a_wide_table_is_printed_in_parts(capsys):
    """Each part begins with the name of the row; a wide terminal needs one part only."""
    assert sum("cascade-unet-demo" in line for line in printed(capsys, WIDE, 60)) == 2
    assert sum("cascade-unet-demo" in line for line in printed(capsys, WIDE, 200)) == 1


def test_constant_columns_are_the_title_and_empty_ones_are_hidden(capsys):
    """The dataset is the same in all rows; nobody has a reason."""
    lines = printed(capsys, WIDE, 120)
    assert lines[0] == "dataset phantom-hemorrhage"
    assert not any("reason" in line for line in lines)


def test_heads_are_short_and_have_units(capsys):
    """HD95 in mm, volumes in mL; P as papers print it, no minus before zero."""
    shown = "\n".join(printed(capsys, WIDE, 200))
    for part in ("HD95, mm", "volume error, mL", "P Holm", "<.001", ".031"):
        assert part in shown
    assert "-0.000" not in shown


def test_sentences_are_broken_between_words(capsys):
    """Prose takes several lines; a word stays whole."""
    sentence = "Twice the common volume over the sum of both volumes, without smoothing."
    lines = printed(capsys, {"metric": ["dice", "nsd"], "definition": [sentence, "x"]}, 40)
    words = " ".join(line.removeprefix("dice") for line in lines).split()
    assert all(word in words for word in sentence.split())
    assert max(map(len, lines)) <= 40


def test_a_single_row_keeps_its_columns(capsys):
    """One row has no constant columns."""
    lines = printed(capsys, {"rater": ["net"], "n": [3]}, 80)
    assert any("rater" in line and "n" in line for line in lines)


def test_a_table_without_rows_has_its_heads(capsys):
    """Nothing was found, in these columns."""
    assert any("rater" in line for line in printed(capsys, {"rater": [], "n": []}, 80))
