import json

import pytest

from ctbench.volume import read_label_map, read_volume, write_volume

pytestmark = pytest.mark.usefixtures("bright_plugin")


def test_predict_writes_label_maps_and_their_names(ctbench, blobs_folder, tmp_path):
    """One file an image on its grid, the score beside it, and labels.json: the folder is a predictor again."""
    (tmp_path / "w").write_text("50")
    images = [str(blobs_folder / "images" / f"{case}.nii.gz") for case in "ab"]
    written = ("--weights", str(tmp_path / "w"), "--out", str(tmp_path / "p"), "--json")
    result = ctbench("predict", "bright", "--trust", *images, *written)
    assert result.exit_code == 0, result.err
    assert read_label_map(tmp_path / "p" / "a.nii.gz").array.sum() > 0
    assert json.loads((tmp_path / "p" / "labels.json").read_text())["labels"] == {"iph": 1, "ivh": 2}
    assert json.loads((tmp_path / "p" / "b.json").read_text()) == {"score": 0.5}


def test_two_images_of_one_name_are_refused(ctbench, blobs_folder, tmp_path):
    """One would overwrite the other."""
    image = blobs_folder / "images" / "a.nii.gz"
    write_volume(read_volume(image), tmp_path / "other" / "a.nii.gz")
    result = ctbench(
        "predict", "bright", "--trust", str(image), str(tmp_path / "other" / "a.nii.gz"), "--out", str(tmp_path / "p")
    )
    assert result.exit_code == 2
    assert "different names" in result.err
