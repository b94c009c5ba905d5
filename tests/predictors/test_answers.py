import gzip
import json
import os
import struct
import time

import numpy as np
import pytest

from ctbench.errors import ContractError, DataError, GeometryError, MissingFileError, VolumeFileError
from ctbench.labels import LabelSet
from ctbench.predictors import PredictorInfo
from ctbench.predictors.answers import read_answer
from ctbench.volume import Volume, write_volume

INFO = PredictorInfo(name="model", version="1", labels=LabelSet({"hemorrhage": 1}))


@pytest.fixture
def answer(tmp_path, image):
    """The path of a label map as it should be."""
    path = tmp_path / "prediction.nii.gz"
    write_volume(image.with_array((image.array > 60).astype(np.uint8)), path)
    return path


def nifti(shape_zyx, voxels, start=352):
    """The bytes of a NIfTI whose header promises uint8 voxels of a shape, and a generator of what follows it."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *shape_zyx[::-1], 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, 2, 8)
    struct.pack_into("<8f", header, 76, 1, 0.6, 0.5, 5.0, 1, 1, 1, 1)
    struct.pack_into("<f", header, 108, start)
    header[344:348] = b"n+1\0"
    return gzip.compress(bytes(header)) + voxels


def bomb(gigabytes):
    """Gigabytes of zeros as gzip members of 64 MiB, a thousandth of the size."""
    return gzip.compress(bytes(2**26)) * (gigabytes * 16)


def test_labels_score_and_findings_come_back(answer, image):
    """A label map and the JSON beside it make a prediction."""
    finding = {"slice": 1, "box": [0, 0, 2, 2], "type": "hemorrhage", "confidence": 0.5}
    answer.with_name("prediction.json").write_text(json.dumps({"score": 0.7, "findings": [finding]}))
    prediction = read_answer(answer, image, INFO)
    np.testing.assert_array_equal(prediction.labels, image.array > 60)
    assert prediction.score == 0.7
    assert prediction.findings[0].slice == 1


def test_no_file_is_missing(tmp_path, image):
    """The path stands in the message."""
    with pytest.raises(MissingFileError, match=r"there is no file .*absent.nii.gz"):
        read_answer(tmp_path / "absent.nii.gz", image, INFO)


@pytest.mark.parametrize("name", ["prediction.nii.gz", "prediction.json"])
def test_a_link_is_refused_wherever_it_leads(answer, image, tmp_path, name):
    """A link could lead to a reader's mask; it is not followed to find out."""
    target = tmp_path / "elsewhere"
    (tmp_path / name).replace(target) if name == answer.name else target.write_text("{}")
    (tmp_path / name).symlink_to(target)
    with pytest.raises(ContractError, match="is a symbolic link; expected a regular file"):
        read_answer(answer, image, INFO)


def test_a_pipe_is_not_waited_for(answer, image):
    """What never ends is not even opened."""
    answer.unlink()
    os.mkfifo(answer)
    with pytest.raises(ContractError, match="is a pipe, device or folder; expected a regular file"):
        read_answer(answer, image, INFO)


def test_a_bomb_that_says_its_size_is_not_inflated(answer, image):
    """10 GB of zeros in 10 MB, announced by the header, are refused by the header."""
    answer.write_bytes(nifti((32000, 600, 600), bomb(10)))
    assert answer.stat().st_size < 2**24
    start = time.process_time()
    with pytest.raises(ContractError, match="declares 11520000000 bytes of voxels; a label map of shape"):
        read_answer(answer, image, INFO)
    assert time.process_time() - start < 1  # to inflate it all takes several


def test_a_bomb_that_hides_its_size_is_inflated_no_further_than_the_grid(answer, image):
    """The first bytes beyond the image's grid end it."""
    answer.write_bytes(nifti(image.shape, bomb(10)))
    start = time.process_time()
    with pytest.raises(ContractError, match="decompresses to more than the 120 bytes of voxels"):
        read_answer(answer, image, INFO)
    assert time.process_time() - start < 1  # to inflate it all takes several


def test_a_bomb_before_the_voxels_is_refused(answer, image):
    """A header may not put the voxels behind gigabytes of nothing."""
    answer.write_bytes(nifti(image.shape, bomb(1), start=2.0**30))
    with pytest.raises(ContractError, match="a label map of shape"):
        read_answer(answer, image, INFO)


def test_another_grid_is_refused(answer, image):
    """As in every other way to bring a prediction."""
    with pytest.raises(GeometryError, match="lies on another grid than its image"):
        read_answer(answer, Volume(image.array, (5.0, 0.5, 0.7)), INFO)


@pytest.mark.parametrize(
    "content", [b"", b"not gzip at all", gzip.compress(b"no image", mtime=0)], ids=["empty", "text", "gzip"]
)
def test_rubbish_is_a_data_error(answer, image, content):
    """Whatever lies there, the answer is a sentence."""
    answer.write_bytes(content)
    with pytest.raises(DataError, match=r"prediction\.nii\.gz"):
        read_answer(answer, image, INFO)


@pytest.mark.parametrize(
    "content",
    ["[]", "{", '{"score": "much"}', '{"findings": [{"slice": 1}]}', "[" * 100_000, " " * (5 * 2**20)],
    ids=["list", "cut", "words", "half", "deep", "large"],
)
def test_json_of_another_form_is_refused(answer, image, content):
    """Score and findings are what is documented, and short."""
    answer.with_name("prediction.json").write_text(content)
    with pytest.raises(ContractError, match=r"prediction\.json is"):
        read_answer(answer, image, INFO)


def segments(image, fields, voxels):
    """The bytes of an NRRD of 3D Slicer on the grid of an image, with more fields in its header."""
    z, y, x = image.shape
    lines = ["NRRD0004", "type: uint8", "dimension: 3", "space: left-posterior-superior", f"sizes: {x} {y} {z}"]
    lines += ["space directions: (0.6,0,0) (0,0.5,0) (0,0,5)", "space origin: (0,0,0)", "encoding: gzip"]
    return "\n".join([*lines, *fields, "Segment0_Name:=iph"]).encode() + b"\n\n" + voxels


def test_segments_in_another_file_are_not_read(tmp_path, image):
    """A header could point at a reader's mask."""
    path = tmp_path / "prediction.seg.nrrd"
    path.write_bytes(segments(image, ["data file: ../reader.raw.gz"], b""))
    with pytest.raises(ContractError, match="has its voxels in another file"):
        read_answer(path, image, INFO)


def test_segments_are_inflated_no_further_than_the_grid(tmp_path, image):
    """As for label maps."""
    path = tmp_path / "prediction.seg.nrrd"
    path.write_bytes(segments(image, [], bomb(10)))
    start = time.process_time()
    with pytest.raises(ContractError, match="decompresses to more than the 120 bytes of voxels"):
        read_answer(path, image, INFO)
    assert time.process_time() - start < 1  # to inflate it all takes several


def test_dicom_that_is_compressed_as_a_whole_is_refused(tmp_path, image):
    """Nothing in its header bounds its size."""
    path = tmp_path / "prediction.dcm"
    path.write_bytes(b"\0" * 128 + b"DICM" + b"1.2.840.10008.5.1.4.1.1.66.4\0" + b"1.2.840.10008.1.2.1.99")
    with pytest.raises(VolumeFileError, match="is DICOM with the transfer syntax Deflated"):
        read_answer(path, image, INFO)
