"""The pair of MULTIRATER's part C: one pair of masks, and what every protocol makes of it; and random specks."""

import numpy as np
import pytest
from scipy import ndimage


@pytest.fixture(scope="session")
def pair():
    """Lesions A (1000 voxels), B (216), C (8); predicted: A two voxels off, B in two pieces, and a false piece (64)."""

    def box(*ends):
        mask = np.zeros((24, 24, 80), bool)
        mask[tuple(slice(*each) for each in ends)] = True
        return mask

    a, b, c = box((4, 14), (4, 14), (4, 14)), box((4, 10), (4, 10), (30, 36)), box((4, 6), (4, 6), (50, 52))
    gap, false = box((0, 24), (0, 24), (32, 33)), box((4, 8), (4, 8), (65, 69))
    return (a | b | c).astype(np.uint8), (np.roll(a, 2, axis=2) | (b & ~gap) | false).astype(np.uint8)


@pytest.fixture(scope="session")
def specks():
    """A function that makes a bool mask of many small pieces: ``specks(seed, shape)``."""

    def make(seed, shape=(9, 23, 26)):
        noise = np.random.default_rng(seed).normal(size=shape)
        return ndimage.gaussian_filter(noise, 0.8) > 0.42

    return make
