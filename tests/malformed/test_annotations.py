"""What annotation programs export, damaged: 3D Slicer, DICOM SEG, RTSTRUCT, CVAT, Label Studio, label descriptions."""

import json
import random
import shutil

import numpy as np
import pytest
from PIL import Image

from ctbench.annotations import MadeBy, MapFormat, write_annotation
from ctbench.labels import LabelSet
from ctbench.volume import Volume, write_volume

SHAPE = (6, 40, 50)
LABELS = LabelSet({"iph": 1, "ivh": 2})
KINDS = ("a.seg.nrrd", "a.dcm", "rt.dcm")
DESCRIPTIONS = '0 0 0 0 0 0 0 "Clear Label"\n1 255 0 0 1 1 1 "iph"\n2 0 255 0 1 1 1 "ivh"\n'


@pytest.fixture
def whole(tmp_path, write_ct):
    """A folder with an image and masks of it, ``a.seg.nrrd``, ``a.dcm`` and ``rt.dcm``, of random boxes."""
    pydicom = pytest.importorskip("pydicom", reason="the extra `annotations` is not installed")
    pytest.importorskip("highdicom", reason="the extra `annotations` is not installed")
    folder = tmp_path / "whole"
    image = Volume(np.zeros(SHAPE, np.int16), (5.0, 0.5, 0.5))
    (source, *_) = write_ct(image, folder / "ct")
    write_volume(image, folder / "image.nii.gz")
    drawn = image.with_array(np.random.default_rng(0).integers(0, 3, SHAPE).astype(np.uint8))
    for form in (MapFormat.SEG_NRRD, MapFormat.DICOM_SEG):
        made_by = MadeBy("test", "1", automatic=False)
        write_annotation(drawn, LABELS, folder / "a", form=form, made_by=made_by, source=folder / "ct")
    write_contours(pydicom, source, folder / "rt.dcm")
    return folder


def write_contours(pydicom, source, path):
    """Write a region with a square on each slice of 5 mm."""
    structures = pydicom.dcmread(pydicom.data.get_testdata_file("rtstruct.dcm"), force=True)
    structures.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    structures.FrameOfReferenceUID = source.FrameOfReferenceUID
    contours = []
    for z in range(SHAPE[0]):
        contour = pydicom.Dataset()
        contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", 4
        contour.ContourData = [2, 2, 5 * z, 2, 12, 5 * z, 12, 12, 5 * z, 12, 2, 5 * z]
        contours.append(contour)
    structures.ROIContourSequence = [structures.ROIContourSequence[0]]
    structures.ROIContourSequence[0].ContourSequence = contours
    number = structures.ROIContourSequence[0].ReferencedROINumber
    structures.StructureSetROISequence = [one for one in structures.StructureSetROISequence if one.ROINumber == number]
    structures.StructureSetROISequence[0].ROIName = "iph"
    structures.save_as(path, enforce_file_format=True)


@pytest.fixture
def changed(whole):
    """A function that changes the bytes of a mask beside its image, and gives its path."""

    def changed(name, change):
        (whole / name).write_bytes(change((whole / name).read_bytes()))
        return whole / name

    return changed


@pytest.mark.parametrize("name", KINDS)
def test_the_whole_ones_are_read(guard, whole, name):
    """What the others are made of is fine."""
    answer = guard.ask("annotation", whole / name)
    assert (answer["outcome"], answer["said"]) == ("read", str(SHAPE))


@pytest.mark.parametrize("share", [0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 0.99])
@pytest.mark.parametrize("name", KINDS)
def test_truncated(changed, refused, name, share):
    """Whatever is left of the file, it is refused by its name."""
    path = changed(name, lambda content: content[: int(len(content) * share)])
    assert path.name in refused("annotation", path)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("name", KINDS)
def test_bytes_changed_in_the_header(changed, survived, name, seed):
    """Ten bytes of the first two thousand: many changes do not matter, none does harm."""
    rng = random.Random(seed)

    def change(content):
        content = bytearray(content)
        for _ in range(10):
            content[rng.randrange(min(2000, len(content)))] = rng.randrange(256)
        return bytes(content)

    survived("annotation", changed(name, change))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", ["a.dcm", "rt.dcm"])
def test_bytes_changed_anywhere_in_a_dicom_file(changed, survived, name, seed):
    """Lengths, tags and values of nested sequences among them."""
    rng = random.Random(seed)

    def change(content):
        content = bytearray(content)
        for _ in range(20):
            content[rng.randrange(300, len(content))] = rng.randrange(256)
        return bytes(content)

    survived("annotation", changed(name, change))


CHANGES = {
    "rows": lambda seg: setattr(seg, "Rows", 65535),
    "rows and columns": lambda seg: (setattr(seg, "Rows", 65535), setattr(seg, "Columns", 65535)),
    "frames": lambda seg: setattr(seg, "NumberOfFrames", 2**31 - 1),
    "bits": lambda seg: setattr(seg, "BitsAllocated", 64),
    "zero rows": lambda seg: setattr(seg, "Rows", 0),
    "no frame groups": lambda seg: delattr(seg, "PerFrameFunctionalGroupsSequence"),
    "no shared groups": lambda seg: delattr(seg, "SharedFunctionalGroupsSequence"),
    "zero spacing": lambda seg: setattr(_shared(seg).PixelMeasuresSequence[0], "PixelSpacing", [0, 0]),
    "one direction": lambda seg: setattr(
        _shared(seg).PlaneOrientationSequence[0], "ImageOrientationPatient", [1, 0, 0, 1, 0, 0]
    ),
    "no pixels": lambda seg: delattr(seg, "PixelData"),
    "no segments": lambda seg: setattr(seg, "SegmentSequence", []),
    "no label": lambda seg: delattr(seg.SegmentSequence[0], "SegmentLabel"),
    "far away": lambda seg: setattr(
        seg.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0], "ImagePositionPatient", [1e12, 0, 0]
    ),
}


def _shared(seg):
    return seg.SharedFunctionalGroupsSequence[0]


@pytest.mark.parametrize("what", CHANGES)
def test_a_seg_that_contradicts_itself_is_refused(whole, refused, what):
    """One field that is missing, or has an absurd value."""
    pydicom = pytest.importorskip("pydicom")
    seg = pydicom.dcmread(whole / "a.dcm")
    CHANGES[what](seg)
    seg.save_as(whole / "a.dcm")
    assert "a.dcm" in refused("annotation", whole / "a.dcm")


@pytest.mark.parametrize("number", ["1e300", "-1e300", "1e15"])
def test_contours_far_away_are_refused(whole, refused, number):
    """They are filled on the slices of the image only."""
    pydicom = pytest.importorskip("pydicom")
    structures = pydicom.dcmread(whole / "rt.dcm")
    structures.ROIContourSequence[0].ContourSequence[0].ContourData[0] = number
    structures.save_as(whole / "rt.dcm")
    refused("annotation", whole / "rt.dcm")


ABSURD = ["sizes: 40000 40000 40000", "sizes: 0 40 6", "dimension: 9", "encoding: bzip2"]
ABSURD += ["space directions: (0,0,0) (0,0,0) (0,0,0)"]


@pytest.mark.parametrize("fields", ABSURD)
def test_a_header_of_slicer_with_an_absurd_field_is_refused(changed, refused, fields):
    """Sizes, axes and encodings that no segmentation has."""
    key = fields.partition(":")[0].encode()

    def change(content):
        lines = content.split(b"\n")
        return b"\n".join(fields.encode() if line.startswith(key + b":") else line for line in lines)

    assert "a.seg.nrrd" in refused("annotation", changed("a.seg.nrrd", change))


XML = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><name>a</name></task></meta>
<image id="0" name="0.png" width="50" height="40">
<polygon label="iph" points="1.0,1.0;20.5,1.0;20.5,30.0" z_order="0"></polygon>
<box label="ivh" xtl="30" ytl="1" xbr="40" ybr="20" rotation="10"></box>
<ellipse label="iph" cx="40" cy="30" rx="3" ry="4"></ellipse>
<mask label="ivh" rle="2, 3, 1" left="5" top="35" width="3" height="2"></mask>
</image><image id="5" name="5.png" width="50" height="40"></image></annotations>"""
STUDIO = [
    {
        "id": 1,
        "data": {"image": "head"},
        "annotations": [
            {
                "result": [
                    {
                        "type": kind,
                        "original_width": 50,
                        "original_height": 40,
                        "item_index": 2,
                        "value": {**value, kind: ["iph"]},
                    }
                    for kind, value in (
                        ("polygonlabels", {"points": [[1, 1], [50, 1], [50, 50]]}),
                        ("rectanglelabels", {"x": 1, "y": 2, "width": 30, "height": 4, "rotation": 0}),
                        ("ellipselabels", {"x": 50, "y": 50, "radiusX": 10, "radiusY": 4}),
                    )
                ]
            }
        ],
    }
]


@pytest.fixture
def pictures(whole):
    """A folder with an image, and pictures of it in XML, JSON and PNG."""
    (whole / "a.xml").write_text(XML)
    (whole / "a.json").write_text(json.dumps(STUDIO))
    (whole / "png").mkdir()
    (whole / "png/labelmap.txt").write_text("iph:250,50,83::\nivh:51,221,255::\n")
    rows = np.random.default_rng(0).integers(0, 3, SHAPE[1:])
    colours = np.array([(0, 0, 0), (250, 50, 83), (51, 221, 255)], np.uint8)[rows]
    for z in range(SHAPE[0]):
        Image.fromarray(colours).save(whole / f"png/{z}.png")
    return whole


@pytest.mark.parametrize("name", ["a.xml", "a.json", "png"])
def test_whole_pictures_are_read(guard, pictures, name):
    """What the others are made of is fine."""
    answer = guard.ask("annotation", pictures / name)
    assert (answer["outcome"], answer["said"]) == ("read", str(SHAPE))


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95])
@pytest.mark.parametrize("name", ["a.xml", "a.json", "png/3.png"])
def test_truncated_pictures_are_refused(pictures, refused, name, share):
    """Whatever is left of the file, it is refused by its name."""
    path = pictures / name
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    assert path.name in refused("annotation", path if path.suffix != ".png" else path.parent)


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("name", ["a.xml", "a.json", "png/3.png", "png/labelmap.txt"])
def test_bytes_changed_in_pictures(pictures, survived, name, seed):
    """Three bytes anywhere: many changes do not matter, none does harm."""
    path, rng = pictures / name, random.Random(seed)
    content = bytearray(path.read_bytes())
    for _ in range(3):
        content[rng.randrange(len(content))] = rng.randrange(256)
    path.write_bytes(bytes(content))
    survived("annotation", path if path.parent == pictures else path.parent)


ABSURD_XML = {
    "a width of billions": ('width="50"', 'width="9000000000"'),
    "a mask of billions": ('width="3" height="2"', 'width="300000000" height="200000000"'),
    "a run of billions": ('rle="2, 3, 1"', 'rle="2, 3000000000000000000000, 1"'),
    "a far corner": ('xbr="40"', 'xbr="4e300"'),
    "a slice of millions": ('name="5.png"', 'name="999999.png"'),
    "a document type": ("<annotations>", '<!DOCTYPE a [<!ENTITY b "b">]><annotations>'),
}


@pytest.mark.parametrize("what", ABSURD_XML)
def test_xml_with_an_absurd_value_is_refused(pictures, refused, what):
    """Sizes, runs and places that no picture has."""
    old, new = ABSURD_XML[what]
    assert old in XML
    (pictures / "a.xml").write_text(XML.replace(old, new, 1))
    assert "a.xml" in refused("annotation", pictures / "a.xml")


@pytest.mark.parametrize("value", ["x", [], {}, -1, 1e300, [[1]], {"points": None}, {"rle": [1, 2]}, {"x": 1}])
def test_json_with_an_absurd_value_is_refused(pictures, refused, value):
    """As a task's annotations, or as the value of a region."""
    for part in ("annotations", "value"):
        changed = json.loads(json.dumps(STUDIO))
        if part == "annotations":
            changed[0][part] = value or None
        else:
            region = changed[0]["annotations"][0]["result"][0]
            region[part] = value if not isinstance(value, dict) else {**value, "points": 7, "polygonlabels": ["a"]}
            region["original_width"] = value
        (pictures / "a.json").write_text(json.dumps(changed))
        assert "a.json" in refused("annotation", pictures / "a.json")


@pytest.mark.parametrize("seed", range(10))
def test_label_descriptions_of_noise(whole, survived, seed):
    """Some of their bytes are others."""
    content, rng = bytearray(DESCRIPTIONS.encode()), random.Random(seed)
    for _ in range(5):
        content[rng.randrange(len(content))] = rng.randrange(256)
    shutil.copy(whole / "image.nii.gz", whole / "mask.nii.gz")
    (whole / "mask.txt").write_bytes(bytes(content))
    survived("annotation", whole / "mask.nii.gz")
