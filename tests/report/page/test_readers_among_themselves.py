"""The part of the report about readers among themselves."""


def test_the_report_has_the_study_of_the_readers(html):
    """It opens with the result in numbers, ranks models by subsets of readers, and has lines to paste."""
    part = html[html.index("<h3>Readers among themselves</h3>") :]
    part = part[: part.index("<h3>", 4)]
    assert "pairwise Dice" in part[: part.index("<details")]
    for words in ("Who agrees with whom", "Border of each reader", "Rules of the consensus side by side"):
        assert words in part
    assert "tolerance_mm:" in part
    assert "Models by number of readers" in part
