"""Pictures of single cases."""

from dataclasses import replace

import numpy as np
import pytest

from ctbench.predictors import Finding
from ctbench.reference import Reference
from ctbench.report.drawings.colours import ERROR_COLOURS
from ctbench.report.drawings.finding_boxes import Frame
from ctbench.report.frames.comparable_runs import gather
from ctbench.report.page import pictures as pictures_module
from ctbench.report.page.pictures import gallery, legend, pictures, scene_of
from ctbench.volume import Volume


@pytest.fixture(scope="module")
def drawn(runs, dataset):
    """The pictures of both models."""
    (results,) = gather(runs)
    return {model: list(pictures(results, model, dataset)) for model in results.models}


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


def test_large_images_are_thinned(results, runs, dataset, monkeypatch):
    """A slice with more voxels than fit is shown by every third, and its caption says so."""
    monkeypatch.setattr("ctbench.report.page.pictures._LARGEST", 16)
    picture = next(pictures(results, "unet", dataset))
    assert picture.step == (3, 3)
    assert max(picture.image.shape) <= 16
    assert "every 3. voxel" in gallery([picture])


def test_few_long_rows_are_all_shown(results, runs, dataset):
    """Of a slice of few thick rows with many columns no row is left out, and the picture has the shape of the head."""
    scene = scene_of(results, "unet", dataset, "case01")
    rows, columns = 30, 2 * pictures_module._LARGEST
    shape = (scene.image.shape[0], rows, columns)
    image = Volume(np.zeros(shape, np.int16), (5.0, 6.0, 0.25))
    drawing = replace(scene.drawings["unet"], labels=np.zeros(shape, np.uint8))
    truth = Reference.of(np.zeros(shape, np.uint8))
    long = replace(scene, image=image, drawings={"unet": drawing}, references={"majority": truth})
    shown = pictures_module.picture(long, 0, "worst", "unet", "majority", ("caudate",))
    assert (shown.image.shape[:2], shown.step) == ((rows, columns // 2), (1, 2))
    assert shown.aspect == pytest.approx(columns * 0.25 / (rows * 6))
    assert "every 1. row and 2. column" in gallery([shown])


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
    assert all(f"rgb{rgb}" in html for rgb in ERROR_COLOURS.values())
    assert "does not count" in html


def test_boxes_are_drawn_over_the_mistakes(drawn):
    """A detector's boxes lie over the second picture alone, and the caption tells their confidence."""
    box = Frame(100, 100, 300, 300, "iph", 0.87)
    html = gallery([replace(drawn["unet"][0], boxes=(box,))])
    assert html.count("<svg") == 1
    assert html.index("<svg") > html.index("mistakes of case")
    assert "1 box with confidence: iph 0.87" in html
    assert "<svg" not in gallery([drawn["unet"][0]])


def test_boxes_come_from_the_run(results, runs, dataset, monkeypatch):
    """They are those that the run keeps of the case, in the slice that is shown."""
    plain = next(pictures(results, "unet", dataset))
    found = Finding(plain.z, (1.0, 1.0, 5.0, 5.0), "caudate", 0.7)
    monkeypatch.setattr(type(runs[1]), "findings", lambda _, __: (0.9, (found,)))
    (box,) = next(pictures(results, "unet", dataset)).boxes
    assert (box.type, box.confidence) == ("caudate", 0.7)


def test_a_penalty_is_called_one(drawn):
    """The outcome stands beside the Dice where it is no usual one."""
    assert "no overlap" not in gallery(drawn["unet"][:1])
    missed = replace(drawn["unet"][0], dice=0.0, outcome="missed (penalty)")
    assert "Dice 0.000, missed (penalty)" in gallery([missed])
