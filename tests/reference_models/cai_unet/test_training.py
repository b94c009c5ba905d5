import numpy as np
import pytest
import torch

from ctbench.predictors.conformance import tiny_head
from reference_models.cai_unet.network import CONFIGURATIONS
from reference_models.cai_unet.predictor import CaiConfiguration
from reference_models.cai_unet.training import CaiRecipe, cai_examples
from reference_models.training.examples import Example, count_classes


def test_cais_slices_have_class_numbers_and_leave_out_what_does_not_count(tiny_reference):
    """Codes become classes in the order given; a slice of which no voxel counts teaches nothing."""
    examples = cai_examples(tiny_head(), tiny_reference, (7, 3), CaiConfiguration(classes=3, width=2))
    assert len(examples) == len(tiny_head().array) - 2
    assert examples[0].image.shape == (48, 48)
    assert not any(example.counted[:, 40:].any() for example in examples)
    counts = count_classes(examples, 3)
    counted = ~tiny_reference.uncounted
    expected = [np.count_nonzero((tiny_reference.labels == code) & counted) for code in (0, 7, 3)]
    assert counts.tolist() == expected


@pytest.mark.parametrize("row", [3, 7])
def test_cais_epoch_shows_every_slice_once(row):
    """In batches of the row's size, shuffled by the generator alone."""
    examples = [
        Example(np.full((16, 16), index, np.float32), np.full((16, 16), index % 2, np.uint8), np.ones((16, 16), bool))
        for index in range(14)
    ]
    recipe = CaiRecipe(CaiConfiguration(classes=2, width=2), CONFIGURATIONS[row], examples, examples)
    first, again = (list(recipe.batches(np.random.default_rng(1))) for _ in range(2))
    assert all(torch.equal(a.image, b.image) for a, b in zip(first, again, strict=True))
    assert max(len(batch.image) for batch in first) == CONFIGURATIONS[row].batch_size
    assert sorted(round(float(one[0, 8, 8])) for batch in first for one in batch.image) == list(range(14))
