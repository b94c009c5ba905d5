"""Data sets of other tools, as a stranger wrote them: `ctbench datasets import` refuses them in one sentence."""

import json
import os
import threading

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


PIPES = {
    "derivatives/one/dataset_description.json": import_bids,
    "derivatives/one/more_dseg.tsv": import_bids,
    "items.json": import_grand_challenge,
}


@pytest.mark.parametrize("place", PIPES)
def test_a_pipe_in_place_of_a_table_is_not_waited_for(theirs, refused, place):
    """Archives may hold named pipes, from which nothing ever comes."""
    put(theirs / "sub-01" / "ct" / "sub-01_ct.nii.gz")
    put(theirs / "derivatives" / "one" / "sub-01" / "anat" / "sub-01_dseg.nii.gz", 1)
    (theirs / "derivatives" / "one" / "dseg.tsv").write_text("index\tname\n1\tiph\n")
    (theirs / "dataset_description.json").write_text("{}")
    put(theirs / "images" / "ct" / "u1.mha")
    put(theirs / "images" / "ct-segmentation" / "u2.mha", 1)
    os.mkfifo(theirs / place)
    ended = []
    thread = threading.Thread(target=lambda: ended.append(refused(PIPES[place])), daemon=True)
    thread.start()
    thread.join(10)
    assert ended == [None]


@pytest.mark.parametrize("code", ["Infinity", "-1e999", "NaN", '"x"', "[]"])
def test_codes_that_are_no_numbers(theirs, nnunet, refused, code):
    """Of segments of grand-challenge.org, and of labels of nnU-Net."""
    put(theirs / "images" / "ct" / "u1.mha")
    put(theirs / "images" / "ct-segmentation" / "u2.mha", 1)
    interface = f'{{"slug": "ct-segmentation", "overlay_segments": [{{"name": "iph", "voxel_value": {code}}}]}}'
    (theirs / "items.json").write_text(f'[{{"outputs": [{{"interface": {interface}, "image": {{"pk": "u2"}}}}]}}]')
    refused(import_grand_challenge)
    nnunet()
    described = theirs / "dataset.json"
    described.write_text(described.read_text().replace('"iph": 1', f'"iph": [{code}]'))
    refused(lambda folder, out: load_dataset(import_nnunet(folder, out)))


@pytest.mark.parametrize("ending", ["/../../../secret.nii.gz", "/../*", "\0.nii.gz", ".nii.gz/{reader}", "*" * 9])
def test_an_ending_that_climbs_out_of_the_folder(nnunet, tmp_path, refused, ending):
    """The patterns of an imported dataset stay below its root."""
    put(tmp_path / "secret.nii.gz", 1)
    nnunet(file_ending=ending)
    refused(lambda folder, out: load_dataset(import_nnunet(folder, out)))


TRAPS = ("![x](http://a.b/c.png)", "[x](javascript:alert(1))", "<img src=x onerror=alert(1)>", "`x`\n\n# heading")


def test_texts_in_a_data_card_are_only_text(nnunet, theirs, tmp_path):
    """Licence and citation load no picture, lead nowhere and begin no heading."""
    nnunet(licence=" ".join(TRAPS), reference=" ".join(TRAPS))
    card = export_card(load_dataset(import_nnunet(theirs, tmp_path / "d.yaml")), tmp_path / "card.md").read_text()
    assert card.count("!\\[x\\](http") == 2
    for trap in ("![", "](", "<img", "\n# heading"):
        assert trap not in card.replace("\\[", "").replace("\\]", "")
