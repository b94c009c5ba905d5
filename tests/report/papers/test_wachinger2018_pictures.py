"""Pictures of the figures of wachinger2018."""

import numpy as np
import pytest

from ctbench.report.papers import wachinger2018_pictures as pictures
from ctbench.report.papers.part import Material


@pytest.fixture(scope="module")
def material(runs, dataset):
    """Runs with predictions, and their dataset."""
    return Material.of(runs, {"toy": dataset})


def test_agreement_is_white_and_gray(material):
    """Beside the reference stand masks of two models with correct voxels white, errors gray and the rest black."""
    sheet = pictures.agreement(material.one(), material)
    first, *masks = sheet.pictures.values()
    assert len(masks) == 2
    assert {*np.unique(np.stack(masks))} == {0, 128, 255}
    assert masks[0].shape == first.shape


def test_structures_are_enlarged(material):
    """Three structures with four pictures each, smaller than the slice that they are cut from."""
    sheet = pictures.enlarged(material.one(), material)
    assert (len(sheet.pictures), sheet.columns) == (12, 4)
    whole = next(iter(pictures.hierarchy(material.one(), material).pictures.values()))
    assert all(max(one.shape[:2]) <= max(whole.shape[:2]) for one in sheet.pictures.values())


def test_the_two_steps_are_foreground_and_structures(material):
    """The foreground is black and white; the structures are coloured."""
    _, foreground, structures = pictures.hierarchy(material.one(), material).pictures.values()
    assert {*np.unique(foreground)} == {0, 255}
    assert (structures[..., 0] != structures[..., 2]).any()


def test_examples_have_image_reference_and_models(material):
    """All in one slice of one case, so that they can be compared."""
    sheet = pictures.examples(material.one(), material)
    assert list(sheet.pictures) == ["image", "reference", "unet", "atlas"]
    assert len({one.shape for one in sheet.pictures.values()}) == 1
