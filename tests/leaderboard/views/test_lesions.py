"""The page lesions."""

import shutil


def _tables(test, *columns):
    return [one.value for one in test.dataframe if set(columns) <= set(one.value.columns)]


def test_models_and_readers_with_their_wrong_lesions(app, toy_board):
    """Both models and three readers have figures, and the failed model's list begins with what it missed."""
    test = app(toy_board, "lesions", rater="blunt")
    (figures,) = _tables(test, "detected", "splits")
    assert set(figures["rater"]) == {"sharp", "blunt", "ann", "ben", "cem"}
    assert figures.set_index("rater")["lost"].to_dict()["blunt"] == 1
    (wrong,) = _tables(test, "outcome", "slice")
    assert set(wrong["rater"]) == {"blunt"}
    assert "missed" in set(wrong[wrong["case"] == "case2"]["outcome"])
    assert wrong["slice"].min() >= 1


def test_a_run_without_predictions(app, toy_runs, tmp_path):
    """A note, and no table."""
    folder = tmp_path / "board"
    for name in ("readers", "sharp"):
        shutil.copytree(toy_runs[name].folder, folder / name)
    shutil.rmtree(folder / "sharp" / "predictions")
    test = app(folder, "lesions")
    assert not test.dataframe
    assert any("keeps predictions" in one.value for one in test.info)
