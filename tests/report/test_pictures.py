"""Pictures of single cases."""

from dataclasses import replace

import numpy as np
import pytest

from ctbench.report.overlays import COLOURS
from ctbench.report.pictures import _window, gallery, legend, pictures
from ctbench.report.results import gather
from ctbench.volume import Volume


@pytest.fixture(scope="module")
def drawn(runs, dataset):
    """The pictures of both models."""
    (results,) = gather(runs)
    return {run.manifest.rater: list(pictures(results, run, dataset)) for run in runs[1:]}


def test_worst_median_and_best(drawn, scores, label_codes):
    """Cases are ranked by the overall Dice on the common reference, and that Dice is in the caption."""
    chosen = scores.query("rater == 'unet' and reference == 'majority' and metric == 'dice'")
    mean = chosen[chosen["label"].isin(label_codes)].groupby("case")["value"].mean().sort_values()
    shown = {picture.title: (picture.case, picture.dice) for picture in drawn["unet"]}
    assert shown["worst"] == (mean.index[0], pytest.approx(mean.iloc[0]))
    assert shown["median"] == (mean.index[5], pytest.approx(mean.iloc[5]))
    assert shown["best"] == (mean.index[-1], pytest.approx(mean.iloc[-1]))
    assert f"case {mean.index[0]}" in gallery(drawn["unet"])


def test_a_failed_case_is_not_drawn(drawn):
    """The failed case has the lowest Dice but no prediction: the next one is the worst that can be shown."""
    assert "case11" not in {picture.case for picture in drawn["atlas"]}
    assert len(drawn["atlas"]) == 3


def test_mistakes_are_drawn_over_the_image(drawn):
    """Somewhere the picture differs from the plain slice, and it shows the same part of it."""
    for picture in drawn["unet"]:
        assert picture.image.shape == picture.drawn.shape
        assert (picture.image != picture.drawn).any()


def test_air_around_the_head_is_cut_away(drawn):
    """The pictures are no larger than the head with a margin of two voxels."""
    assert drawn["unet"][0].image.shape[0] <= 48
    assert drawn["unet"][0].image.shape[1] < 40


def _volume(array, **geometry):
    return Volume(array, (5.0, 1.0, 1.0), **geometry)


@pytest.mark.parametrize("flipped", [(False, False), (True, False), (False, True), (True, True)])
def test_anterior_is_up_and_right_is_left(flipped):
    """However the file is stored, the picture has the same voxels in the same place."""
    image = np.arange(1 * 6 * 5).reshape(1, 6, 5)
    direction = np.diag([1.0, *(-1.0 if flip else 1.0 for flip in flipped)])
    stored = image[:, :: -1 if flipped[0] else 1, :: -1 if flipped[1] else 1]
    window, step = _window(_volume(stored, direction=direction), 0)
    assert step == 1
    np.testing.assert_array_equal(stored[0][window], image[0])


def test_large_images_are_thinned():
    """A slice of 1000 voxels is shown by every third."""
    window, step = _window(_volume(np.zeros((1, 1000, 400))), 0)
    assert step == 3
    assert np.zeros((1000, 400))[window].shape == (334, 134)


def test_gallery_is_self_contained_and_says_what_it_shows(drawn):
    """Every image has its bytes inside and an alternative text."""
    html = gallery([replace(drawn["unet"][0], case="<b>")])
    assert html.count('src="data:image/png;base64,') == 2
    assert html.count(" alt=") == 2
    assert "<b>" not in html
    assert "slice " in html


def test_legend_names_all_colours():
    """Each colour of the overlays is explained, and the hatching too."""
    html = legend()
    assert all(f"rgb{rgb}" in html for rgb in COLOURS.values())
    assert "does not count" in html
