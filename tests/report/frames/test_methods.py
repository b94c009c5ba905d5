import pytest

from ctbench.boards import open_board
from ctbench.report.frames.comparable_runs import comparable_runs
from ctbench.report.frames.methods import failures_of, method_card, method_table


@pytest.fixture(scope="module")
def field(runs):
    """The made-up comparison as a board shows it."""
    (found,) = comparable_runs(open_board(runs[0].folder.parent), "toy")
    return found


def test_every_model_has_a_row_and_a_card(field):
    """What it says of itself, where it was fitted, how long it takes; readers are no method."""
    table = method_table(field).set_index("rater")
    assert set(table.index) == {"unet", "atlas"}
    assert table.loc["atlas", ["licence", "trained_on", "labels", "seconds"]].tolist() == ["Apache-2.0", "toy", 11, 1.5]
    card = method_card(field, "atlas").set_index("fact")["value"]
    assert card["Paper"] == "Nobody et al., Nowhere 2020"
    assert card["Trained here"].startswith("yes")
    assert card["Run"] == field.run_of("atlas")
    assert "Trained here" not in method_card(field, "unet")["fact"].tolist()


def test_failures_say_what_happened(field):
    """By case, in the words of the run."""
    lost = failures_of(field, "atlas")
    assert lost.to_numpy().tolist() == [["case11", "failed", "RuntimeError: <b>no</b> brain found & gave up"]]
    assert failures_of(field, "unet").empty
