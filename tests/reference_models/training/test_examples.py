import numpy as np
import pytest
import torch

from reference_models.training.examples import Example, classes_of, count_classes, stack


@pytest.fixture
def example():
    """An example of two slices, with a background voxel that does not count."""
    image = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    target = np.array([[[0, 1, 1], [2, 0, 0]], [[2, 2, 2], [0, 0, 1]]], np.uint8)
    counted = np.ones(image.shape, bool)
    counted[0, 0, 0] = False
    return Example(image, target, counted)


def test_a_slice_or_a_block_is_cut_from_all_three(example):
    """Image, target and counted voxels stay in step."""
    for where in (1, (slice(0, 1), slice(None), slice(1, 3))):
        part = example[where]
        np.testing.assert_array_equal(part.image, example.image[where])
        np.testing.assert_array_equal(part.target, example.target[where])
        np.testing.assert_array_equal(part.counted, example.counted[where])


def test_a_batch_has_a_channel_for_images_only(example):
    """Images are batch,1,...; targets are whole numbers as the losses take them."""
    batch = stack([example, example[::-1]])
    assert batch.image.shape == (2, 1, 2, 2, 3)
    assert batch.target.shape == batch.counted.shape == (2, 2, 2, 3)
    assert (batch.image.dtype, batch.target.dtype, batch.counted.dtype) == (torch.float32, torch.int64, torch.bool)
    np.testing.assert_array_equal(batch.image[1, 0].numpy(), example.image[::-1])


def test_a_batch_moves_whole(example):
    """All three tensors are on the device that was asked for."""
    moved = stack([example]).to(torch.device("meta"))
    assert {tensor.device.type for tensor in moved} == {"meta"}


def test_classes_are_counted_where_voxels_count(example):
    """The voxel that does not count is left out, and a class that nobody has is 0."""
    assert count_classes([example], 4).tolist() == [4, 3, 4, 0]
    assert count_classes([example, example[0]], 4).tolist() == [6, 5, 5, 0]
    assert count_classes([], 2).tolist() == [0, 0]


def test_classes_follow_the_order_of_the_codes():
    """Not that of their numbers; a code that is not asked for is background."""
    assert classes_of(np.array([[0, 7], [300, 5]]), (300, 7)).tolist() == [[0, 2], [1, 0]]
