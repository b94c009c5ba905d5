import json
from dataclasses import replace
from importlib.metadata import version

import pandas as pd
import pytest

from reference_models.training.card import write_card, write_curves
from reference_models.training.engine import Curves


@pytest.fixture
def curves():
    """Three epochs, of which the second was best."""
    return Curves(
        [0.9, 0.5, 0.4],
        [0.8, 0.6, 0.7],
        [0.1, 0.6, 0.5],
        [1.0, 1.5, 1.0],
        [[0.2, 0.1], [0.7, 0.5], [0.8, 0.6]],
        [[0.2, 0.0], [0.7, 0.5], [0.6, 0.4]],
    )


def test_a_card_holds_settings_versions_and_curves(curves, tmp_path):
    """Epochs are counted from 1 for people; the digest is that of the weights."""
    path = tmp_path / "card.json"
    write_card(path, settings={"model": "m", "seed": 3}, curves=curves, device="cpu", weights_digest="abc")
    card = json.loads(path.read_text())
    assert (card["model"], card["seed"], card["device"], card["weights_sha256"]) == ("m", 3, "cpu", "abc")
    assert card["best_epoch"] == 2
    assert card["versions"]["numpy"] == version("numpy")
    assert card["curves"] == {
        "loss": [0.9, 0.5, 0.4],
        "validation_loss": [0.8, 0.6, 0.7],
        "soft_dice": [0.1, 0.6, 0.5],
        "seconds": [1.0, 1.5, 1.0],
        "training_dice": [[0.2, 0.1], [0.7, 0.5], [0.8, 0.6]],
        "validation_dice": [[0.2, 0.0], [0.7, 0.5], [0.6, 0.4]],
    }


def test_curves_are_a_picture(curves, tmp_path):
    """A PNG of more than a few pixels and an SVG that names the structures, written whole: nothing else is left."""
    write_curves(tmp_path, curves, "m on d", ["caudate", "ventricles"])
    content = (tmp_path / "curves.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    assert width > height > 200
    assert "ventricles" in (tmp_path / "curves.svg").read_text(encoding="utf-8")
    assert {path.name for path in tmp_path.iterdir()} == {"curves.csv", "curves.png", "curves.svg"}


def test_curves_are_a_table(curves, tmp_path):
    """Loss, and soft Dice of each structure and on average, of training and validation, for each epoch."""
    write_curves(tmp_path, curves, "m on d", ["caudate", "ventricles"])
    table = pd.read_csv(tmp_path / "curves.csv", keep_default_na=False)
    assert len(table) == 3 * (2 + 2 * 2 + 1)
    values = table.set_index(["quantity", "cases", "structure", "epoch"])["value"]
    assert values["loss", "validation", "", 3] == 0.7
    assert values["soft_dice", "training", "ventricles", 2] == 0.5
    assert values["soft_dice", "validation", "caudate", 3] == 0.6
    assert values["soft_dice", "validation", "mean", 2] == 0.6


def test_a_training_of_an_earlier_version_goes_on(curves, tmp_path):
    """Its first epochs have no Dice by structure; the later ones keep their numbers."""
    write_curves(tmp_path, replace(curves, training_dice=[], validation_dice=[[0.6, 0.4]]), "m on d", ["a", "b"])
    table = pd.read_csv(tmp_path / "curves.csv", keep_default_na=False)
    own = table[table["structure"].isin(["a", "b"])]
    assert own[["epoch", "cases", "value"]].to_numpy().tolist() == [[3, "validation", 0.6], [3, "validation", 0.4]]


def test_other_curves_are_another_picture(curves, tmp_path):
    """What is drawn depends on the numbers."""
    for name, drawn in (("one", curves), ("two", Curves([0.9, 0.1], [0.8, 0.1], [0.1, 0.9], [1.0, 1.0]))):
        (tmp_path / name).mkdir()
        write_curves(tmp_path / name, drawn, "m on d", ["caudate", "ventricles"])
    assert (tmp_path / "one" / "curves.png").read_bytes() != (tmp_path / "two" / "curves.png").read_bytes()
