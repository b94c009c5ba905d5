"""Atlases of a dataset: what is kept of the training heads."""

import json

import numpy as np
import pytest

from ctbench.errors import UsageError
from reference_models.inference.weightsfile import Weights
from reference_models.multi_atlas import MODEL
from reference_models.multi_atlas.fusion import UNKNOWN

COARSE = {"spacing_mm": 6.0}


@pytest.fixture
def made(heads, tmp_path):
    """Make atlases of the training heads and read them."""

    def make(**options):
        cases = heads.split("train").cases, heads.split("validation").cases
        path = MODEL.train(heads, *cases, tmp_path / "out", options={**COARSE, **options})
        return Weights.load(path, "multi-atlas"), json.loads((tmp_path / "out" / "card.json").read_text())

    return make


def test_each_training_head_is_an_atlas(made, heads):
    """Intensities of the window and classes in the order of the labels, on cubic voxels; the card has the plan."""
    weights, card = made()
    count = len(heads.split("train"))
    assert sorted(weights.tensors) == sorted(
        f"{what}.{number}" for what in ("image", "labels") for number in range(count)
    )
    assert set(np.unique(weights.tensors["labels.0"])) <= {0, 1, 2, UNKNOWN}
    assert (weights.tensors["labels.0"] == 2).any()
    assert weights.tensors["image.0"].max() == 255
    assert (card["plan"]["window_hu"], weights.trained_on) == ([-20.0, 100.0], ("heads",))


def test_only_so_many_heads_are_kept(made):
    """The first ones."""
    weights, _ = made(atlases=2)
    assert sorted(weights.tensors) == ["image.0", "image.1", "labels.0", "labels.1"]


def test_an_unknown_option_is_refused(made):
    """The message names it."""
    with pytest.raises(UsageError, match="MultiAtlasConfiguration has no 'colour'"):
        made(colour="red")
