"""The predictor around the hybrid Mask R-CNN."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from ctbench.errors import DataError, UsageError
from ctbench.labels import LabelSet
from ctbench.phantom import Hemorrhage, head, hemorrhage_labels
from ctbench.predictors import check_conformance, check_prediction
from ctbench.predictors.conformance import tiny_head
from ctbench.volume import Volume
from reference_models.hybrid_mask_rcnn import MODEL
from reference_models.hybrid_mask_rcnn.network import Detections
from reference_models.hybrid_mask_rcnn.predictor import ChangConfiguration, ChangPredictor, hybrid_mask_rcnn_demo
from reference_models.inference.weightsfile import Weights

# The heads are the same in many tests: what finds and registers brains is tested in tests/reference_models/scans.
pytestmark = pytest.mark.usefixtures("shared_preprocessing")

NARROW = ChangConfiguration(
    edge=32,
    window_hu=(0.0, 100.0),
    anchors_px=(4.0, 8.0, 16.0, 32.0),
    widths=(4, 4, 8, 8, 8),
    pyramid=8,
    blocks=1,
    stem_stride=1,
    hidden=16,
    proposals=20,
)


@pytest.fixture
def chang_weights():
    """Make untrained weights of a narrow network."""

    def make(*types, **options):
        torch.manual_seed(0)
        configuration = replace(NARROW, types=types, **options)
        labels = LabelSet({name: 3 + number for number, name in enumerate(types)} or {"hemorrhage": 1})
        return Weights.of(configuration.network(), model=MODEL.name, configuration=asdict(configuration), labels=labels)

    return make


def put(predictor, *found):
    """Let the network find squares (slice, top, left, side, score, type) and nothing else."""

    class Found(torch.nn.Module):
        def forward(self, slab):
            slices = slab.shape[1] - 4
            boxes, scores = torch.zeros(slices, 4, 4), torch.zeros(slices, 4)
            types = torch.zeros(slices, 4, len(predictor.configuration.types))
            for place, (index, top, left, side, score, kind) in enumerate(found):
                boxes[index, place] = torch.tensor([top, left, top + side, left + side], dtype=torch.float32)
                scores[index, place] = score
                types[index, place, kind : kind + 1] = 1
            return Detections(boxes, scores, types, torch.ones(slices, 4, 28, 28))

    predictor.network = Found()


@pytest.mark.parametrize("types", [(), ("iph", "sah")])
def test_the_contract_is_kept(chang_weights, types):
    """With one class as in the paper, and with types; every box counts, so that there are findings to check."""
    predictor = ChangPredictor(chang_weights(*types), "cpu", threshold=0.0, types=bool(types))
    assert [result for result in check_conformance(predictor) if not result.passed] == []
    assert predictor.predict(tiny_head()).findings


def test_what_the_network_sees():
    """HU from -240 to 240 come to -3 to 3, by division by 80; the end slices are repeated twice."""
    hu = np.tile(np.array([-1000, -240, -80, 0, 40, 240, 2000, 0], np.int16), (3, 32, 4))
    _, slices = replace(ChangConfiguration(), edge=32).slices(Volume(hu, (5.0, 1.0, 1.0)))
    assert slices.shape == (7, 32, 32)
    assert slices[0, 0, :8].tolist() == pytest.approx([-3, -3, -1, 0, 0.5, 3, 3, 0])
    ramp = np.full((3, 32, 32), -1000, np.int16)
    ramp[:, 8] = np.array([10, 20, 30])[:, None]
    padded = replace(ChangConfiguration(), edge=32).slices(Volume(ramp, (5.0, 1.0, 1.0)))[1]
    assert (80 * padded[:, 8, 0]).tolist() == pytest.approx([10, 10, 10, 20, 30, 30, 30], abs=1e-4)


@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, 1, 1), (1, -1, 1), (1, 1, -1), (-1, -1, -1)])
def test_boxes_come_back_where_the_image_has_them(chang_weights, flips):
    """However the scan is stored, the box surrounds the voxels of its mask, in the image's own slice."""
    image = tiny_head((8, 64, 48), (18.0, 3.0, 3.0), np.diag([float(flip) for flip in flips]))
    predictor = ChangPredictor(chang_weights(), "cpu")
    put(predictor, (2, 8, 16, 8, 0.9, 0))
    prediction = check_prediction(predictor.predict(image), image, predictor.info)
    (finding,) = prediction.findings
    where = np.argwhere(prediction.labels)
    top, left, bottom, right = finding.box
    assert set(where[:, 0]) == {finding.slice} == {2 if flips[0] > 0 else 5}
    assert [bottom - top, right - left] == [16, 12]
    assert np.abs(where[:, 1:].min(axis=0) - (top, left)).max() <= 1
    assert np.abs(where[:, 1:].max(axis=0) + 1 - (bottom, right)).max() <= 1
    assert (top == 16) == (flips[1] > 0)
    assert finding.type == "hemorrhage"
    assert finding.confidence == pytest.approx(0.9)


def test_slices_along_another_axis_have_masks_but_no_boxes(chang_weights):
    """A finding's slice is one of the array's z; a scan stored sagittally has no such place for it."""
    turned = np.zeros((3, 3))
    turned[2, 0] = turned[0, 1] = turned[1, 2] = 1  # the array's axes run along x, z and y
    image = tiny_head((40, 8, 48), (4.0, 18.0, 4.0), turned)
    predictor = ChangPredictor(chang_weights(), "cpu")
    put(predictor, (2, 8, 16, 8, 0.9, 0))
    prediction = predictor.predict(image)
    assert prediction.findings == ()
    assert set(np.argwhere(prediction.labels)[:, 1]) == {2}


def test_the_score_is_the_highest_of_any_box(chang_weights):
    """Also of boxes below the threshold, which neither are findings nor have voxels."""
    predictor = ChangPredictor(chang_weights(), "cpu")
    put(predictor, (1, 4, 4, 8, 0.4, 0), (5, 4, 4, 8, 0.3, 0))
    prediction = predictor.predict(tiny_head())
    assert prediction.score == pytest.approx(0.4)
    assert prediction.findings == ()
    assert not prediction.labels.any()


def test_types_become_the_codes_of_the_weights(chang_weights):
    """Each box has its most probable type; without the option all are one class."""
    weights = chang_weights("iph", "sah")
    predictor = ChangPredictor(weights, "cpu", types=True)
    assert dict(predictor.info.labels.codes) == {"iph": 3, "sah": 4}
    assert predictor.info.labels.codes_of("hemorrhage") == (3, 4)
    put(predictor, (1, 4, 4, 8, 0.9, 0), (1, 4, 20, 8, 0.8, 1))
    image = tiny_head((8, 32, 32))
    labels = predictor.predict(image).labels
    assert (labels[1, 8, 8], labels[1, 8, 24]) == (3, 4)
    assert [finding.type for finding in predictor.predict(image).findings] == ["iph", "sah"]
    plain = ChangPredictor(weights, "cpu")
    put(plain, (1, 4, 4, 8, 0.9, 0), (1, 4, 20, 8, 0.8, 1))
    assert set(np.unique(plain.predict(image).labels)) == {0, 1}


@pytest.mark.parametrize("depth", [1, 3])
def test_the_batch_size_does_not_matter(chang_weights, depth):
    """Slices know two neighbours on either side, however many are looked at together."""
    image, weights = tiny_head(), chang_weights(kernel_depth=depth)
    one, all_at_once = (ChangPredictor(weights, "cpu", size, threshold=0.2).predict(image) for size in (3, 64))
    assert one.score == pytest.approx(all_at_once.score, abs=1e-4)
    assert (one.labels != all_at_once.labels).mean() < 1e-3


def test_types_that_the_weights_do_not_know_are_refused(chang_weights):
    """The message says what to do."""
    with pytest.raises(UsageError, match="train with types=true"):
        ChangPredictor(chang_weights(), "cpu", types=True)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"edge": 40}, "multiple of 16"),
        ({"widths": [4, 4]}, "widths"),
        ({"window_hu": [100, 0]}, "must rise"),
        ({"rooms": 3}, "has no 'rooms'"),
    ],
)
def test_configurations_that_cannot_be_are_refused(wrong, message):
    """Whether they stand in a file or are asked for."""
    with pytest.raises(UsageError, match=message):
        ChangConfiguration.read({**asdict(NARROW), **wrong})


def test_grey_values_are_refused(chang_weights):
    """An 8-bit picture is no CT in HU."""
    with pytest.raises(DataError, match="expected Hounsfield units"):
        ChangPredictor(chang_weights(), "cpu").predict(Volume(np.full((2, 16, 16), 99, np.uint8), (5.0, 1.0, 1.0)))


def test_demo_weights_tell_a_bleeding_head_from_a_normal_one():
    """On simulated heads that they never saw: the score, a box around the blood, most of its voxels, and its type."""
    normal = head(907)
    bleeding = head(907, hemorrhages=(Hemorrhage("iph", 30.0),))
    predictor = hybrid_mask_rcnn_demo(device="cpu", types=True)
    quiet, found = predictor.predict(normal.image), predictor.predict(bleeding.image)
    assert quiet.score < 0.5 < found.score
    assert quiet.findings == ()
    true = bleeding.hemorrhage.array == hemorrhage_labels["iph"]
    drawn = found.labels == predictor.info.labels["iph"]
    assert 2 * (true & drawn).sum() / (true.sum() + drawn.sum()) > 0.7
    surest = max(found.findings, key=lambda finding: finding.confidence)
    assert surest.type == "iph"
    assert true[surest.slice].any()
