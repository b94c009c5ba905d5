"""The section of the page readers about sessions, conditions and borders."""

import shutil

import pytest

from ctbench.agreement import aided_effect, components, intra_and_inter, opening_sentences, reader_borders
from ctbench.agreement.repeats import study_readings
from ctbench.boards import submit
from ctbench.datasets import load_dataset
from ctbench.runs import READERS, run
from tests.leaderboard.conftest import CASES


def _table(test, *columns):
    return next(one.value for one in test.dataframe if set(columns) <= set(one.value.columns))


@pytest.fixture(scope="module")
def repeats(toy, tmp_path_factory):
    """The toy dataset, whose readers read every case once more and then aided, all of them as another one does."""
    root = tmp_path_factory.mktemp("repeats")
    shutil.copytree(toy.parent / "images", root / "images")
    again = {"ann": "ben", "ben": "ann", "cem": "cem"}
    rows = ["case,reader,condition,session,seconds,order"]
    for order, case in enumerate(CASES, start=1):
        for reader, other in again.items():
            for condition, session, drawn in (("unaided", "1", reader), ("unaided", "2", other), ("aided", "1", "ben")):
                target = root / "readers" / reader / condition / session / f"{case}.nii.gz"
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(toy.parent / "readers" / drawn / f"{case}.nii.gz", target)
                rows.append(f"{case},{reader},{condition},{session},{30 if condition == 'aided' else 60},{order}")
    (root / "readings.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (root / "cases.csv").write_text("case\n" + "\n".join(CASES) + "\n", encoding="utf-8")
    text = toy.read_text(encoding="utf-8").replace("{reader}/{case}", "{reader}/{condition}/{session}/{case}")
    (root / "toy.yaml").write_text(
        text + "  conditions: [unaided, aided]\n  readings: readings.csv\n", encoding="utf-8"
    )
    return root / "toy.yaml"


def test_tables_and_opening_are_those_of_the_readings(app, repeats, tmp_path, monkeypatch):
    """After a click the page has the four tables of ``ctbench readers``, and opens with repeats, aid and time."""
    dataset = load_dataset(repeats)
    submit(run(dataset, READERS, tmp_path / "readers", metrics=["dice"], jobs=1, cached=False), tmp_path / "board")
    monkeypatch.setattr("leaderboard.reading.catalogs", lambda: (str(repeats),))
    test = app(tmp_path / "board", "readers", readings="true")
    study = study_readings(dataset, jobs=1)
    for made, column in (
        (intra_and_inter(study), "lowest"),
        (components(study), "reproducibility"),
        (reader_borders(study), "bias_mm"),
        (aided_effect(study), "saved_share"),
    ):
        assert _table(test, *made.columns)[column].tolist() == pytest.approx(made[column].tolist(), nan_ok=True)
    words = "".join(one.proto.body for one in test.get("html"))
    assert "the same reader twice" in words
    assert "50 % of the time saved" in words
    assert opening_sentences(readings=study)["iph"].split("; ")[0] in words


def test_readings_are_read_after_a_click(app, toy_board):
    """Without it there is no table of pairs of readings."""
    assert not any("bias_mm" in one.value for one in app(toy_board, "readers").dataframe)
