"""Folders of other tools, imported and exported: what a stranger's names, lists and pipes do."""

import json
import os
import threading

import numpy as np
import pytest

from ctbench.datasets import load_dataset
from ctbench.errors import CtbenchError
from ctbench.interchange import export_card, import_bids, import_grand_challenge, import_nnunet
from ctbench.volume import Volume, write_volume

GRID = Volume(np.zeros((2, 4, 4), np.uint8), (5.0, 1.0, 1.0))
MASK = GRID.with_array(np.ones((2, 4, 4), np.uint8))


def refusal(function, *arguments):
    """The message with which something is refused; it fails if that takes ten seconds, or ends otherwise."""
    found = []

    def call():
        try:
            function(*arguments)
        except BaseException as error:  # noqa: BLE001  # the test looks at it
            found.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive(), "it waits for ever"
    (error,) = found
    assert isinstance(error, CtbenchError), repr(error)
    return str(error)


@pytest.fixture
def bids(tmp_path):
    """A BIDS folder of one case, which a stranger wrote."""
    folder = tmp_path / "bids"
    write_volume(GRID, folder / "sub-01" / "ct" / "sub-01_ct.nii.gz")
    write_volume(MASK, folder / "derivatives" / "x" / "sub-01" / "anat" / "sub-01_dseg.nii.gz")
    (folder / "derivatives" / "x" / "dseg.tsv").write_text("index\tname\n1\tiph\n")
    (folder / "dataset_description.json").write_text('{"Name": "theirs"}')
    return folder


@pytest.fixture
def archive(tmp_path):
    """An archive of grand-challenge.org with a list of items."""
    folder = tmp_path / "archive"
    write_volume(GRID, folder / "images" / "ct" / "u1.mha")
    write_volume(MASK, folder / "images" / "ct-segmentation" / "u2.mha")
    return folder


@pytest.fixture
def nnunet(tmp_path):
    """A raw data set of nnU-Net, and a function that writes its description with changes."""
    folder = tmp_path / "Dataset001_theirs"
    write_volume(GRID, folder / "imagesTr" / "a_0000.nii.gz")
    write_volume(MASK, folder / "labelsTr" / "a.nii.gz")

    def describe(**changes):
        content = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "iph": 1}, "file_ending": ".nii.gz"}
        (folder / "dataset.json").write_text(json.dumps({**content, **changes}))
        return folder

    return describe


@pytest.mark.parametrize("place", ["derivatives/x/dataset_description.json", "derivatives/x/more_dseg.tsv"])
def test_a_pipe_in_place_of_a_table_is_not_waited_for(bids, tmp_path, place):
    """Archives may hold named pipes."""
    os.mkfifo(bids / place)
    assert "not a regular file" in refusal(import_bids, bids, tmp_path / "d.yaml")


def test_a_pipe_in_place_of_a_list(archive, tmp_path):
    """The list of items of grand-challenge.org, too."""
    os.mkfifo(archive / "predictions.json")
    assert "not a regular file" in refusal(import_grand_challenge, archive, tmp_path / "d.yaml")


@pytest.mark.parametrize("code", ["Infinity", "1e999", "NaN", '"x"', "[]", "-1e999"])
def test_codes_of_segments_that_are_no_numbers(archive, tmp_path, code):
    """One sentence, not a traceback."""
    segment = f'{{"name": "iph", "voxel_value": {code}}}'
    interface = f'{{"slug": "ct-segmentation", "overlay_segments": [{segment}]}}'
    (archive / "list.json").write_text(f'[{{"outputs": [{{"interface": {interface}, "image": {{"pk": "u2"}}}}]}}]')
    assert "another form than grand-challenge.org" in refusal(import_grand_challenge, archive, tmp_path / "d.yaml")


@pytest.mark.parametrize("ending", ["/../../../secret.nii.gz", "/../*", "\0.nii.gz", ".nii.gz/{reader}", "*" * 9])
def test_an_ending_that_climbs_out_of_the_folder(nnunet, tmp_path, ending):
    """The pattern of an imported dataset stays below its root."""
    write_volume(MASK, tmp_path / "secret.nii.gz")

    def use():
        load_dataset(import_nnunet(nnunet(file_ending=ending), tmp_path / "d.yaml"))

    refusal(use)


@pytest.mark.parametrize("case", ["../../secret", "/etc/passwd", "a\0", "*", "{label}", ".hidden", 1e999, ["a"]])
def test_cases_of_a_fold_that_are_no_names(nnunet, tmp_path, case):
    """They are names of files: checked when the dataset is loaded."""
    folder = nnunet()
    (folder / "splits_final.json").write_text(json.dumps([{"train": [case], "val": []}]))

    def use():
        load_dataset(import_nnunet(folder, tmp_path / "d.yaml"))

    refusal(use)


@pytest.mark.parametrize(
    "content",
    ['{"labels": {"iph": Infinity}}', '{"labels": {"iph": 1e999}}', '{"labels": {"iph": [1e999]}}', "[" * 99999],
)
def test_a_description_of_nonsense(nnunet, tmp_path, content):
    """One sentence for each."""
    folder = nnunet()
    (folder / "dataset.json").write_text(content)
    refusal(import_nnunet, folder, tmp_path / "d.yaml")


TRAPS = ("![x](http://a.b/c.png)", "[x](javascript:alert(1))", "<img src=x onerror=alert(1)>", "`x`\n\n# heading")


@pytest.mark.parametrize("key", ["Name", "License", "HowToAcknowledge"])
def test_texts_of_a_stranger_in_a_data_card(bids, tmp_path, key):
    """Markdown shows them as they stand: no picture is loaded, no link leads anywhere, nothing runs."""
    (bids / "dataset_description.json").write_text(json.dumps({"Name": "x", key: " ".join(TRAPS)}))
    card = export_card(load_dataset(import_bids(bids, tmp_path / "d.yaml")), tmp_path / "card.md").read_text()
    assert "![" not in card.replace("!\\[", "")
    assert "](" not in card.replace("\\](", "")
    assert "<img" not in card
    assert "\n# heading" not in card
