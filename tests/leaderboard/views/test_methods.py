"""The page methods."""

from ctbench.boards import submit


def words_of(test):
    """All HTML that the page put out."""
    return "\n".join(one.proto.body for one in test.html)


def test_a_method_has_a_card_with_its_failures_and_log(app, toy_board):
    """Licence, training data, parameters; the case it failed on, in the words of the run, as text."""
    test = app(toy_board, "methods", method="blunt")
    assert set(test.dataframe[0].value["rater"]) == {"sharp", "blunt"}
    words = words_of(test)
    for fact in ("Apache-2.0", "Nobody et al., Nowhere 2020", "width = 4", "it was fitted on cases of this dataset"):
        assert fact in words
    lost = test.dataframe[1].value
    assert lost["case"].tolist() == ["case2"]
    assert "no <b>brain</b> found" in lost["detail"].iloc[0]
    assert "case2" in test.code[0].value


def test_a_method_without_failures_says_so(app, toy_board):
    """And its log is empty."""
    words = words_of(app(toy_board, "methods", method="sharp"))
    assert "It gave a prediction for every case." in words


def test_files_that_are_elsewhere_are_told(app, toy_runs):
    """A board in an object store shows cards, and says why it has no log."""
    for one in toy_runs.values():
        submit(one, "memory://boards/toy")
    words = words_of(app("memory://boards/toy", "methods", method="blunt"))
    assert "The log cannot be shown" in words
    assert "in an object store" in words
