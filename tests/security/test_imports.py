"""Data sets of other tools, as a stranger wrote them: `ctbench datasets import` refuses them in one sentence."""

import json

import numpy as np
import pytest

from ctbench.datasets import load_dataset
from ctbench.errors import CtbenchError
from ctbench.interchange import export_card, import_bids, import_folder, import_grand_challenge, import_nnunet
from ctbench.volume import Volume, write_volume

GRID = Volume(np.zeros((3, 4, 5), np.int16), (5.0, 0.5, 0.5))
NO_JSON = (b"", b"{", b"\xff\xfe", b'"x"', b"[1]", b"[[]]", b"[{}]", b"[" * 100_000, b'[{"train": {}, "val": 5}]')


def put(path, code=0):
    """Write an image, or a mask with one voxel of a code."""
    labels = np.zeros(GRID.shape, np.uint8)
    labels[1, 2, 3] = code
    write_volume(GRID.with_array(labels) if code else GRID, path)


@pytest.fixture
def refused(tmp_path):
    """A function that proves that an import ends with a sentence for a person."""

    def refused(importer):
        with pytest.raises(CtbenchError) as caught:
            importer(tmp_path / "theirs", tmp_path / "found.yaml")
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 1000

    return refused


@pytest.fixture
def theirs(tmp_path):
    """The folder of a stranger."""
    return tmp_path / "theirs"


@pytest.fixture
def nnunet(theirs):
    """A function that writes a raw data set of nnU-Net, with other values in its `dataset.json`."""

    def write(**values):
        put(theirs / "imagesTr" / "a_0000.nii.gz")
        put(theirs / "labelsTr" / "a.nii.gz", 1)
        usual = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "iph": 1}}
        (theirs / "dataset.json").write_text(json.dumps({**usual, **values}))

    return write


@pytest.mark.parametrize("content", NO_JSON)
def test_folds_of_nnunet_that_are_none(nnunet, theirs, refused, content):
    """`splits_final.json` holds something else."""
    nnunet()
    (theirs / "splits_final.json").write_bytes(content)
    refused(import_nnunet)


@pytest.mark.parametrize(
    "values",
    [{"channel_names": 5}, {"channel_names": ["CT"]}, {"labels": {"iph": 1, "ignore": [2, 3]}}],
    ids=["a number of channels", "a list of channels", "two codes to ignore"],
)
def test_a_dataset_of_nnunet_that_cannot_be(nnunet, refused, values):
    """One value of `dataset.json` has another type."""
    nnunet(**values)
    refused(import_nnunet)


def test_cases_of_a_fold_do_not_climb_out_of_the_folder(nnunet, theirs, tmp_path):
    """A name in `splits_final.json` is one part of a path, or the data set is refused."""
    nnunet()
    (theirs / "splits_final.json").write_text(json.dumps([{"train": ["../../secret"], "val": ["a"]}]))
    with pytest.raises(CtbenchError, match="cannot stand in a path"):
        load_dataset(import_nnunet(theirs, tmp_path / "found.yaml"))


@pytest.mark.parametrize(
    "interface", [[1], {"slug": "x", "overlay_segments": 5}, {"slug": "x", "overlay_segments": [{}]}]
)
def test_items_of_grand_challenge_in_another_form(theirs, refused, interface):
    """The JSON list of an archive is not what the platform writes."""
    put(theirs / "images" / "ct" / "i.mha")
    put(theirs / "images" / "ich-segmentation" / "m.mha", 1)
    (theirs / "items.json").write_text(json.dumps([{"values": [{"image": {"pk": "m"}, "interface": interface}]}]))
    refused(import_grand_challenge)


TABLES = {
    "no text": b"\xff\xfe",
    "a digit that is no number": "index\tname\n\u00b2\tiph\n".encode(),
    "thousands of digits": b"index\tname\n" + b"9" * 5000 + b"\tiph\n",
    "an endless cell": b'index\tname\n1\t"' + b"x" * 200_000,
}


@pytest.mark.parametrize("what", TABLES)
def test_label_tables_of_bids_that_are_none(theirs, refused, what):
    """`dseg.tsv` holds something else."""
    put(theirs / "sub-a" / "ct" / "sub-a_ct.nii.gz")
    put(theirs / "derivatives" / "m" / "sub-a" / "anat" / "sub-a_dseg.nii.gz", 1)
    (theirs / "dataset_description.json").write_text("{}")
    (theirs / "derivatives" / "m" / "dseg.tsv").write_bytes(TABLES[what])
    refused(import_bids)


@pytest.mark.parametrize("masks", ["{x}", "m***x*"])
def test_names_in_a_plain_folder_that_no_pattern_holds(theirs, refused, masks):
    """Braces and stars mean something in a data set's YAML."""
    put(theirs / "images" / "p1.nii.gz")
    put(theirs / masks / "p1.nii.gz", 1)
    refused(import_folder)


def test_a_data_card_holds_no_html(blobs, tmp_path):
    """A stranger's title and notes cannot bring a script into the page that shows the Markdown."""
    notes = "<script>alert(1)</script>"
    theirs = blobs.entry.model_copy(update={"title": notes, "notes": notes})
    card = export_card(type(blobs)(blobs.name, theirs, blobs.root, blobs.cases), tmp_path / "card.md").read_text()
    assert "script>alert" in card
    assert "<" not in card
