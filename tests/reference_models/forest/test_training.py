"""Fitting of ``forest``: the folder of a training, the cut-off, and what cannot be learnt."""

import json

import numpy as np
import pytest

from ctbench.errors import DataError, UsageError
from ctbench.volume import write_volume
from reference_models.forest import MODEL
from reference_models.forest.features import FEATURES
from reference_models.forest.predictor import forest
from reference_models.forest.training import forest_configuration

OPTIONS = {"trees": 5, "share": 0.5, "smallest_voxels": 1}


@pytest.fixture
def trained(heads, tmp_path):
    """Train on four small heads, choose the cut-off on a fifth."""
    cases = heads.split("train").cases, heads.split("validation").cases

    def train(out="out", **settings):
        return MODEL.train(heads, *cases, tmp_path / out, **{"preset": "demo", "options": OPTIONS, **settings})

    return train


def test_a_training_finds_what_the_readers_marked(trained, heads, dice):
    """Weights and card lie in the folder; a head that was not seen is segmented."""
    path = trained()
    card = json.loads((path.parent / "card.json").read_text())
    assert 0.5 < card["held_out_dice"] <= 1
    assert tuple(card["importance"]) == FEATURES
    assert (card["plan"]["trees"], card["dataset"]) == (5, "heads")
    predictor = forest(weights=str(path))
    assert predictor.configuration.cutoff == card["cutoff"]
    assert predictor.info.training_datasets == ("heads",)
    (case,) = heads.split("test").cases
    truth = case.reader("r1").array == 2
    assert dice(predictor.predict(case.image()).labels > 0, truth) > 0.5


def test_masks_of_the_brain_may_be_given(heads, tmp_path, caplog):
    """Nothing is learnt or found outside of those that the dataset names; weights say where they came from."""
    for case in heads:
        image = case.image()
        inside = np.zeros(image.shape, np.uint8)
        inside[: len(inside) // 2] = 1
        write_volume(image.with_array(inside), tmp_path / "heads" / f"brain_{case.id}.nii.gz")
    entry = tmp_path / "heads" / "heads.yaml"
    entry.write_text(entry.read_text() + "  brain: brain_{case}.nii.gz\n")
    cases, options = (heads.split("train").cases, heads.split("validation").cases), OPTIONS | {"brain": str(entry)}
    path = MODEL.train(heads, *cases, tmp_path / "out", preset="demo", options=options)
    predictor = forest(weights=str(path), brain=str(entry))
    source = predictor.info.parameters["brain"]
    assert source == predictor.configuration.brain != ""
    assert json.loads((path.parent / "card.json").read_text())["plan"]["brain"] == source
    (case,) = heads.split("test").cases
    found = predictor.predict(case.image()).labels > 0
    assert found.any()
    assert not found[len(found) // 2 :].any()
    assert (case.reader("r1").array == 2)[len(found) // 2 :].any()
    assert "learnt on brains found by" not in caplog.text
    forest(weights=str(path))
    assert "here they are found by the package's own extraction" in caplog.text


def test_the_same_seed_gives_the_same_bytes(trained):
    """Voxels and trees are drawn from it alone."""
    first, second, other = trained("one"), trained("two"), trained("three", seed=1)
    assert first.read_bytes() == second.read_bytes() != other.read_bytes()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"options": {"cutoff": 0.3}}, "training has no option 'cutoff'; expected one of brain, depth, leaf"),
        ({"start_from": "weights.safetensors"}, "forest cannot start from other weights"),
        ({"preset": "large"}, "forest has no preset 'large'"),
    ],
)
def test_what_it_cannot_do_is_refused(trained, settings, message):
    """The cut-off is chosen, and there are no weights to go on from."""
    with pytest.raises(UsageError, match=message):
        trained(**settings)


def test_a_folder_that_holds_a_training_is_kept(trained):
    """As for the networks; with resume it is fitted again, to the same bytes."""
    path = trained()
    before = path.read_bytes()
    with pytest.raises(UsageError, match="holds a training already"):
        trained()
    assert trained(resume=True).read_bytes() == before


def test_scans_without_blood_teach_nothing(heads, tmp_path, monkeypatch):
    """The message says which scans."""
    monkeypatch.setattr("reference_models.forest.training.hemorrhage_codes", lambda _: (9,))
    cases = heads.split("train").cases, heads.split("validation").cases
    with pytest.raises(DataError, match="no training scan shows hemorrhage"):
        MODEL.train(heads, *cases, tmp_path / "out", preset="demo")


def test_the_papers_forest_has_500_full_trees():
    """The demo's is small enough to come with the package."""
    paper, demo = forest_configuration("paper", {}), forest_configuration("demo", {})
    assert (paper.trees, paper.share, paper.smallest_voxels) == (500, 0.1, 100)
    assert demo.trees * 2**demo.depth < 200_000
    assert np.isclose(forest_configuration("paper", {"share": 0.2}).share, 0.2)
