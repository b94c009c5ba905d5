import json

import numpy as np
import pytest

from ctbench.datasets import load_dataset
from ctbench.errors import DatasetError, MissingFileError
from ctbench.interchange import import_grand_challenge
from ctbench.volume import Volume, write_volume

GRID = Volume(np.zeros((3, 4, 5), np.int16), (5.0, 0.5, 0.5))


def put(path, code=0):
    """Write an image, or a mask with one voxel of a code."""
    labels = np.zeros(GRID.shape, np.uint8)
    labels[1, 2, 3] = code
    write_volume(GRID.with_array(labels) if code else GRID, path)


def load(folder, tmp_path):
    """The dataset that the import of a folder describes."""
    return load_dataset(import_grand_challenge(folder, tmp_path / "found.yaml"))


@pytest.fixture
def archive(tmp_path):
    """An empty folder."""
    return tmp_path / "archive"


@pytest.mark.parametrize("masks", ["ground-truth", "labels"])
def test_masks_beside_the_images_have_their_names(archive, tmp_path, masks):
    """`images/*.mha` and a folder of masks."""
    put(archive / "images" / "a.mha")
    put(archive / masks / "a.mha", 2)
    dataset = load(archive, tmp_path)
    assert [case.id for case in dataset] == ["a"]
    assert dict(dataset.labels.codes) == {"label-2": 2}
    assert dataset["a"].reference().array[1, 2, 3] == 2


def test_interfaces_with_equal_names_need_no_list(archive, tmp_path):
    """Two segmentations are two readers, called after their slugs; who lacks a file has not read the case."""
    for key in ("u1", "u2"):
        put(archive / "images" / "ct" / f"{key}.mha")
        put(archive / "images" / "ct-segmentation" / f"{key}.mha", 1)
    put(archive / "images" / "second-ct-segmentation" / "u1.mha", 1)
    dataset = load(archive, tmp_path)
    readers = {case.id: case.readers for case in dataset}
    assert readers == {"u1": ("ct-segmentation", "second-ct-segmentation"), "u2": ("ct-segmentation",)}


def test_a_list_says_which_files_belong_together(archive, tmp_path):
    """UUIDs differ between interfaces; the list joins them, and names the codes."""
    for number in (1, 2):
        put(archive / "images" / "ct" / f"image{number}.mha")
        put(archive / "images" / "ich-segmentation" / f"mask{3 - number}.mha", number)
    segments = [
        {"name": "background", "voxel_value": 0},
        {"name": "iph", "voxel_value": 1},
        {"name": "ivh", "voxel_value": 2},
    ]
    items = [
        {
            "pk": f"job{number}",
            "inputs": [{"interface": {"slug": "ct"}, "image": {"pk": f"image{number}", "name": f"case {number}.mha"}}],
            "outputs": [
                {
                    "socket": {"slug": "ich-segmentation", "overlay_segments": segments},
                    "image": {"pk": f"mask{number}", "name": "output.mha"},
                },
                {"socket": {"slug": "probability"}, "value": 0.5},
            ],
        }
        for number in (1, 2)
    ]
    (archive / "predictions.json").write_text(json.dumps(items))
    dataset = load(archive, tmp_path)
    assert dict(dataset.labels.codes) == {"iph": 1, "ivh": 2}
    assert dataset["image1"].reader("ich-segmentation").array[1, 2, 3] == 2
    assert dataset["image2"].reader("ich-segmentation").array[1, 2, 3] == 1


def test_different_names_without_a_list_are_refused(archive, tmp_path):
    """As it is not known which mask is of which image; a list of other files is no help."""
    put(archive / "images" / "ct" / "image1.mha")
    put(archive / "images" / "ich-segmentation" / "mask1.mha", 1)
    with pytest.raises(DatasetError, match=r"mask1\.mha has the name of no image in images/ct; expected a JSON list"):
        load(archive, tmp_path)
    other = [{"values": [{"interface": {"slug": "ct"}, "image": {"pk": "x"}}]}]
    (archive / "items.json").write_text(json.dumps(other))
    with pytest.raises(DatasetError, match="names no image of images/ct together with a mask"):
        load(archive, tmp_path)
    (archive / "items.json").write_text("{")
    with pytest.raises(DatasetError, match=r"items\.json is not JSON"):
        load(archive, tmp_path)


def test_folders_of_items_have_the_names_of_cases(archive, tmp_path):
    """`ITEM/images/SLUG/UUID.mha`: whatever the UUIDs are; an item without a mask is no case."""
    for item in ("p1", "p2", "p3"):
        put(archive / item / "images" / "ct" / f"uuid-{item}.mha")
    for item in ("p1", "p2"):
        put(archive / item / "images" / "ich-segmentation" / f"other-{item}.mha", 1)
    dataset = load(archive, tmp_path)
    assert [case.id for case in dataset] == ["p1", "p2"]
    assert dataset["p2"].reference().array.sum() == 1
    assert dataset["p2"].image_path.name == "uuid-p2.mha"


def test_images_of_several_interfaces_and_no_masks_are_refused(archive, tmp_path):
    """With the interfaces that were found."""
    put(archive / "images" / "ct" / "a.mha")
    with pytest.raises(MissingFileError, match="has no masks, only images/ct"):
        load(archive, tmp_path)
    put(archive / "images" / "mr" / "a.mha")
    put(archive / "images" / "ct-segmentation" / "a.mha", 1)
    with pytest.raises(DatasetError, match="images of several interfaces, images/ct, images/mr"):
        load(archive, tmp_path)
