"""Grids of pictures."""

import numpy as np

from ctbench.report.drawings.canvas import inline_svg
from ctbench.report.drawings.picture_grid import Tile, error_tiles, picture_grid


def test_a_tile_says_which_model_and_slice(results, dataset):
    """A model without a prediction for the case has no tile; pictures have 420 pixels on their longer side."""
    tiles = error_tiles(results, dataset["case11"], ["unet", "atlas"], "ventricles", {("case11", "unet"): 0.5})
    (tile,) = tiles
    assert tile.title == "unet"
    assert tile.subtitle.startswith("case11, slice ")
    assert tile.subtitle.endswith(", Dice 0.500")
    assert max(tile.image.shape) == 420


def test_a_grid_draws_every_picture_below_its_lines():
    """Two pictures of other shapes, side by side, are in the SVG itself."""
    wide, high = (Tile(np.zeros((*shape, 3), np.uint8), str(shape), "x") for shape in ((10, 20), (30, 10)))
    svg = inline_svg(picture_grid([wide, high], columns=2), "grid", "two")
    assert svg.count("data:image/png") == 2
    assert "(10, 20)" in svg
