import json
from dataclasses import replace

import numpy as np
import pytest

from ctbench.errors import UsageError
from ctbench.labels import LabelSet
from reference_models import find_model
from reference_models.cai_unet import MODEL
from reference_models.cai_unet.predictor import cai_unet
from reference_models.inference.weightsfile import Weights

# The heads are the same in many tests: what finds and registers brains is tested in tests/reference_models/scans.
pytestmark = pytest.mark.usefixtures("shared_preprocessing")

CAI = {"width": 2, "epochs": 3, "pixel_mm": 4.5, "learning_rate": 0.02}


def splits(dataset):
    """Its cases to learn from and to choose by."""
    return dataset.split("train").cases, dataset.split("validation").cases


def test_training_leaves_weights_card_and_curves(heads, tmp_path):
    """The weights predict; the card says what they learnt from, and holds the curves."""
    path = MODEL.train(heads, *splits(heads), tmp_path / "out", preset="demo", device="cpu", options=CAI)
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert card["training"] == ["h0", "h1", "h2", "h3"]
    assert card["dataset_fingerprint"] == heads.select(["h0", "h1", "h2", "h3", "h4"]).fingerprint()
    assert len(card["curves"]["soft_dice"]) == 3
    assert (tmp_path / "out" / "curves.png").read_bytes().startswith(b"\x89PNG")
    predictor = cai_unet(weights=str(path), device="cpu")
    assert predictor.info.weights_digest == card["weights_sha256"]
    assert predictor.info.training_datasets == ("heads",)
    assert predictor.info.labels == LabelSet(heads.labels.codes)
    assert predictor.predict(heads["h5"].image()).labels.shape == heads["h5"].image().shape


def test_a_resumed_training_gives_the_same_file(heads, tmp_path):
    """Killed after an epoch and resumed: the weights are byte for byte those of an undisturbed training."""
    whole = MODEL.train(heads, *splits(heads), tmp_path / "whole", preset="demo", device="cpu", options=CAI)

    def kill(curves, _):
        if len(curves.loss) == 1:
            raise KeyboardInterrupt

    arguments = (heads, *splits(heads), tmp_path / "killed")
    with pytest.raises(KeyboardInterrupt):
        MODEL.train(*arguments, preset="demo", device="cpu", options=CAI, report=kill)
    with pytest.raises(UsageError, match="go on with --resume"):
        MODEL.train(*arguments, preset="demo", device="cpu", options=CAI)
    resumed = MODEL.train(*arguments, preset="demo", device="cpu", options=CAI, resume=True)
    assert resumed.read_bytes() == whole.read_bytes()


def test_fine_tuning_starts_from_the_weights_and_says_what_they_had_seen(heads, tmp_path):
    """With a learning rate of 0 the weights stay what they were; what they learnt from before is on the card too."""
    still = {**CAI, "epochs": 1, "learning_rate": 0.0}
    first = MODEL.train(heads, *splits(heads), tmp_path / "a", preset="demo", device="cpu", options=CAI)
    before = replace(Weights.load(first, "cai-unet"), trained_on=("elsewhere",))
    before.save(tmp_path / "start.safetensors")
    given = {"preset": "demo", "device": "cpu", "options": still, "start_from": tmp_path / "start.safetensors"}
    after = Weights.load(MODEL.train(heads, *splits(heads), tmp_path / "b", **given), "cai-unet")
    assert after.trained_on == ("elsewhere", "heads")
    for name, array in before.tensors.items():
        np.testing.assert_array_equal(after.tensors[name], array)
    assert (
        json.loads((tmp_path / "b" / "card.json").read_text())["start_from"]
        == Weights.load(tmp_path / "start.safetensors", "cai-unet").digest
    )


def test_weights_that_do_not_fit_are_refused_before_anything_is_read(heads, tmp_path):
    """Of another width, and of another model; no folder is made."""
    path = MODEL.train(heads, *splits(heads), tmp_path / "a", preset="demo", device="cpu", options=CAI)
    for model, options, told in (
        ("cai-unet", {"width": 3}, "another configuration"),
        ("deepnat", {}, "holds weights of"),
    ):
        with pytest.raises(UsageError, match=told):
            find_model(model).train(
                heads, *splits(heads), tmp_path / "b", preset="demo", options=options, start_from=path
            )
    assert not (tmp_path / "b").exists()


def test_nothing_to_learn_from_is_an_error(heads, tmp_path):
    """Before any folder is made."""
    with pytest.raises(UsageError, match="0 training and 1 validation"):
        MODEL.train(heads, (), heads.split("validation").cases, tmp_path / "out")
    assert not (tmp_path / "out").exists()
