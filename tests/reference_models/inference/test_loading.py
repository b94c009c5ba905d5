import logging
from dataclasses import replace

import pytest

from ctbench.errors import CtbenchError
from ctbench.labels import LabelSet
from reference_models.inference import loading
from reference_models.inference.loading import open_weights


def test_weights_of_a_path_are_those_of_the_file(cai_weights, tmp_path):
    """Labels and configuration come back as they were saved."""
    weights = cai_weights({"caudate": 6})
    weights.save(tmp_path / "w.safetensors")
    found = open_weights("cai-unet", tmp_path / "w.safetensors")
    assert found.labels == LabelSet({"caudate": 6})
    assert found.configuration == weights.configuration


def test_without_a_path_the_demo_weights_are_opened(cai_weights, tmp_path, monkeypatch):
    """They are asked for by the name of the model."""
    cai_weights().save(tmp_path / "demo.safetensors")
    asked = []
    monkeypatch.setattr(loading, "demo_weights", lambda model: asked.append(model) or tmp_path / "demo.safetensors")
    assert open_weights("cai-unet", None).model == "cai-unet"
    assert asked == ["cai-unet"]


@pytest.mark.parametrize("phantoms_only", [True, False])
def test_weights_that_saw_phantoms_only_warn(cai_weights, tmp_path, caplog, phantoms_only):
    """Whoever uses them reads that they are not for patients; others are silent."""
    replace(cai_weights(), phantoms_only=phantoms_only).save(tmp_path / "w.safetensors")
    with caplog.at_level(logging.WARNING, logger="reference_models"):
        open_weights("cai-unet", tmp_path / "w.safetensors")
    assert [record.getMessage().endswith("never for patients") for record in caplog.records] == [True] * phantoms_only


def test_weights_of_another_model_are_refused(cai_weights, tmp_path):
    """The message names both models."""
    cai_weights().save(tmp_path / "w.safetensors")
    with pytest.raises(CtbenchError, match="cai-unet"):
        open_weights("deepbleed-128", tmp_path / "w.safetensors")
