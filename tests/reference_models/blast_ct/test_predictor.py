"""``blast-ct`` as a predictor: the contract, the window, tiles, an ensemble, and what it says without weights."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from ctbench.errors import MissingFileError, UsageError
from ctbench.labels import LabelSet
from ctbench.predictors import check_conformance
from ctbench.predictors.conformance import tiny_head
from ctbench.volume import Volume
from reference_models.blast_ct.predictor import BlastConfiguration, BlastPredictor, blast_ct
from reference_models.inference.weightsfile import Weights

LABELS = LabelSet({"iph": 10, "eah": 20, "oedema": 30, "ivh": 40})


@pytest.fixture
def weights():
    """Make untrained weights of a narrow network on coarse voxels; ``seed`` makes others."""

    def make(seed=0, **options):
        torch.manual_seed(seed)
        configuration = BlastConfiguration(**{"channels": (2, 2), "hidden": (3,), "spacing_mm": 6.0, **options})
        return Weights.of(configuration.network(), model="blast-ct", configuration=asdict(configuration), labels=LABELS)

    return make


@pytest.fixture
def bias(weights):
    """Make weights that always answer with one class, however sure: ``seen`` adds the input at the finest scale."""

    def make(code, logit=1.0, seen=0.0):
        made = weights(channels=(2,), hidden=())
        tensors = {name: np.zeros_like(tensor) for name, tensor in made.tensors.items()}
        for name, tensor in tensors.items():
            if name.endswith(("norm.running_var", "norm.weight")):
                tensor[...] = 1.0
        tensors["paths.2.0.activation.weight"][...] = 1.0
        tensors["paths.2.0.convolution.weight"][0, 0, 1, 1, 1] = seen
        tensors["head.0.norm.bias"][0] = 1.0  # the first path is empty, so this is a constant
        tensors["head.0.convolution.weight"][code, 0] = logit
        return replace(made, tensors=tensors)

    return make


@pytest.mark.parametrize("count", [1, 2])
def test_the_contract_is_kept(weights, count):
    """With one network and with two."""
    predictor = BlastPredictor([weights(seed, spacing_mm=9.0) for seed in range(count)], device="cpu", tile=30)
    assert [result for result in check_conformance(predictor) if not result.passed] == []


def test_without_weights_it_says_where_they_come_from():
    """Nothing of the authors' is distributed, so there is no default."""
    with pytest.raises(MissingFileError, match=r"comes without weights; .*ctbench weights import blast-ct"):
        blast_ct()


def test_files_make_an_ensemble(weights, tmp_path):
    """One file or a list; the card has every member's source, and a digest of one or of all."""
    for seed in range(2):
        made = weights(seed)
        digest = {"source_sha256": str(seed) * 64}
        replace(made, configuration={**made.configuration, **digest}).save(tmp_path / f"{seed}.safetensors")
    one = blast_ct(weights=str(tmp_path / "0.safetensors"), device="cpu").info
    both = blast_ct(weights=[str(tmp_path / f"{seed}.safetensors") for seed in range(2)], device="cpu").info
    assert one.parameters["source_sha256"] == ["0" * 64]
    assert both.parameters["source_sha256"] == ["0" * 64, "1" * 64]
    assert one.weights_digest == Weights.load(tmp_path / "0.safetensors", "blast-ct").digest
    assert both.weights_digest not in {"", one.weights_digest}


def test_an_ensemble_averages_probabilities(bias):
    """Two networks that lean to one class are outvoted by one that is sure of another."""
    image = tiny_head()
    members = [bias(1, 1.0), bias(1, 1.0), bias(2, 9.0)]
    assert set(np.unique(BlastPredictor(members, device="cpu").predict(image).labels)) == {20}
    assert set(np.unique(BlastPredictor(members[:2], device="cpu").predict(image).labels)) == {10}


def test_members_of_an_ensemble_are_alike(weights):
    """Another label set or another network cannot be averaged."""
    other = replace(weights(1), labels=LabelSet({"iph": 1, "eah": 2, "oedema": 3, "ivh": 4}))
    for stranger in (other, weights(1, hidden=(4,))):
        with pytest.raises(UsageError, match="differ in labels or configuration"):
            BlastPredictor([weights(0), stranger], device="cpu")


@pytest.mark.parametrize("tile", [0, 45, 50])
def test_tiles_begin_where_the_authors_patches_do(weights, tile):
    """Others would shift the voxels of the coarse paths."""
    with pytest.raises(UsageError, match=f"tile={tile}; expected a multiple of 30"):
        BlastPredictor([weights()], device="cpu", tile=tile)


def test_the_answer_does_not_depend_on_the_tile(weights):
    """The same labels from tiles of 30 and of 60 voxels, in a volume of which neither is a divisor."""
    image = Volume(np.random.default_rng(0).integers(-40, 120, (34, 50, 41)).astype(np.float32), (6.0, 6.0, 6.0))
    small, large = (BlastPredictor([weights()], device="cpu", tile=tile).predict(image).labels for tile in (30, 60))
    np.testing.assert_array_equal(small, large)
    assert len(np.unique(small)) > 1


def test_oedema_is_no_blood(bias):
    """The score of a study counts hemorrhage only."""
    image = tiny_head()
    assert BlastPredictor([bias(3)], device="cpu").predict(image).score == 0.0
    assert BlastPredictor([bias(4)], device="cpu").predict(image).score > 0.9


def test_the_window_is_the_authors(bias):
    """-15 to 100 HU become -1 to 1: what is brighter than the middle, 42.5 HU, is more than 0."""
    hu = np.full((6, 8, 8), -1000.0, np.float32)
    hu[:, 4:] = [[42.0], [43.0], [100.0], [3000.0]]
    predictor = BlastPredictor([bias(1, logit=1.0, seen=1.0)], device="cpu")
    # The first channel of the last path, weighted 0 so far, decides between background and the first class.
    with torch.no_grad():
        predictor.networks[0].head[0].norm.bias.zero_()
        predictor.networks[0].head[0].activation.weight.fill_(1.0)
        predictor.networks[0].head[0].convolution.weight[1, 4] = 1.0
    labels = predictor.predict(Volume(hu, (6.0, 6.0, 6.0))).labels
    assert (labels == np.where(hu > 42.5, 10, 0)).all()
