import pytest

from ctbench.errors import CtbenchError, UsageError
from ctbench.labels import LabelSet
from reference_models.inference.loading import open_weights


def test_weights_of_a_path_are_those_of_the_file(cai_weights, tmp_path):
    """Labels and configuration come back as they were saved."""
    weights = cai_weights({"caudate": 6})
    weights.save(tmp_path / "w.safetensors")
    found = open_weights("cai-unet", tmp_path / "w.safetensors")
    assert found.labels == LabelSet({"caudate": 6})
    assert found.configuration == weights.configuration


def test_without_a_path_it_is_said_how_one_gets_weights():
    """The paper's name never stands for a miniature: the message names the way to weights, and the demo beside it."""
    with pytest.raises(UsageError, match=r"cai-unet needs weights: .*`ctbench train cai-unet`.* take cai-unet-demo"):
        open_weights("cai-unet", None)


def test_weights_of_another_model_are_refused(cai_weights, tmp_path):
    """The message names both models."""
    cai_weights().save(tmp_path / "w.safetensors")
    with pytest.raises(CtbenchError, match="cai-unet"):
        open_weights("deepbleed-128", tmp_path / "w.safetensors")
