import json
from importlib.metadata import version

import pytest

from reference_models.training.card import write_card, write_curves
from reference_models.training.engine import Curves


@pytest.fixture
def curves():
    """Three epochs, of which the second was best."""
    return Curves([0.9, 0.5, 0.4], [0.8, 0.6, 0.7], [0.1, 0.6, 0.5], [1.0, 1.5, 1.0])


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
    }


def test_curves_are_a_picture(curves, tmp_path):
    """A PNG of more than a few pixels, written whole: no temporary file is left."""
    write_curves(tmp_path / "curves.png", curves, "m on d")
    content = (tmp_path / "curves.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    assert width > height > 200
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["curves.png"]


def test_other_curves_are_another_picture(curves, tmp_path):
    """What is drawn depends on the numbers."""
    write_curves(tmp_path / "one.png", curves, "m on d")
    write_curves(tmp_path / "two.png", Curves([0.9, 0.1], [0.8, 0.1], [0.1, 0.9], [1.0, 1.0]), "m on d")
    assert (tmp_path / "one.png").read_bytes() != (tmp_path / "two.png").read_bytes()
