"""Small heads in all 48 orientations, and writers of what annotation programs export."""

import gzip
import itertools

import numpy as np
import pytest

from ctbench.labels import LabelSet
from ctbench.volume import Volume

LABELS = LabelSet({"iph": 3, "ivh": 7})
SHAPE = (4, 5, 6)
SPACING = (5.0, 0.75, 0.5)
ORIGIN = (11.0, -7.0, 3.0)
ORIENTATIONS = list(itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3)))


def turned(volume, orientation):
    """The same voxels at the same places, stored in another order and direction of axes."""
    axes, signs = orientation
    array = volume.array.transpose(axes)
    origin, direction = np.array(volume.origin_mm), volume.direction[:, axes].copy()
    spacing = np.array(volume.spacing_mm)[list(axes)]
    for axis, sign in enumerate(signs):
        if sign < 0:
            origin = origin + direction[:, axis] * spacing[axis] * (array.shape[axis] - 1)
            direction[:, axis] *= -1
    return Volume(array[tuple(slice(None, None, sign) for sign in signs)], tuple(spacing), tuple(origin), direction)


@pytest.fixture
def labels():
    """Two labels, with codes that are no numbers of segments."""
    return LABELS


@pytest.fixture
def drawn():
    """A label map in which no plane is the mirror image of another: both labels, and voxels in the corners."""
    array = np.zeros(SHAPE, np.uint8)
    array[1:3, 1:4, 2:5] = LABELS["iph"]
    array[2, 3, 4] = array[0, 0, 0] = array[3, 1, 5] = LABELS["ivh"]
    array[1, 2, 3] = 0
    return Volume(array, SPACING, ORIGIN)


def _named(orientation):
    return "".join("zyx"[axis] + "+-"[sign < 0] for axis, sign in zip(*orientation, strict=True))


@pytest.fixture(params=ORIENTATIONS, ids=_named)
def orientation(request):
    """Order and direction of the stored axes, all 48."""
    return request.param


@pytest.fixture
def write_nrrd(tmp_path):
    """A function that writes layers, x,y,z or layer,x,y,z, as an NRRD of 3D Slicer with fields given as {key: text}."""

    def write(layers, fields, name="a.seg.nrrd", origin=ORIGIN, spacing=SPACING):
        layers = np.asarray(layers)
        directions = " ".join(str(tuple(row)).replace(" ", "") for row in np.diag(spacing[::-1]).tolist())
        lines = [
            "NRRD0004",
            f"type: {layers.dtype.name.replace('float32', 'float')}",
            f"dimension: {layers.ndim}",
            "space: left-posterior-superior",
            f"sizes: {' '.join(map(str, layers.shape))}",
            f"space directions: {'none ' if layers.ndim == 4 else ''}{directions}",
            f"kinds: {'list ' if layers.ndim == 4 else ''}domain domain domain",
            "endian: little",
            "encoding: gzip",
            f"space origin: {tuple(origin[::-1])}".replace(", ", ","),
            *(f"{key}:={text}" for key, text in fields.items()),
        ]
        content = "\n".join(lines).encode() + b"\n\n" + gzip.compress(layers.tobytes(order="F"), mtime=0)
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def fields_of(*segments):
    """Fields of segments, each given as a mapping of its own fields."""
    return {f"Segment{number}_{key}": str(text) for number, one in enumerate(segments) for key, text in one.items()}


@pytest.fixture
def series(tmp_path, drawn, write_ct):
    """The slices of a CT on the grid of ``drawn`` as pydicom data sets, saved in a folder; gives folder and slices."""
    numbers = np.broadcast_to(np.arange(drawn.shape[0])[:, None, None], drawn.shape)
    return tmp_path / "ct", write_ct(drawn.with_array(numbers), tmp_path / "ct")


@pytest.fixture
def write_seg(tmp_path, series):
    """A function that writes masks {name: z,y,x} on the series as a DICOM SEG of a type, with highdicom."""
    highdicom = pytest.importorskip("highdicom", reason="the extra `annotations` is not installed")
    from pydicom.sr.codedict import codes

    def write(masks, kind="BINARY", name="a.dcm", slices=None, code=codes.SCT.Hemorrhage):
        described = [
            highdicom.seg.SegmentDescription(number, label, codes.SCT.MorphologicallyAbnormalStructure, code, "MANUAL")
            for number, label in enumerate(masks, start=1)
        ]
        stacked = np.stack(list(masks.values()), axis=-1)
        pixels = stacked.astype(np.float32) if kind == "FRACTIONAL" else stacked.astype(np.uint8)
        if kind == "LABELMAP":
            pixels = (pixels * np.arange(1, len(masks) + 1)).sum(axis=-1).astype(np.uint8)
        uids = {"series_instance_uid": "1.2.3.9", "series_number": 2}
        uids |= {"sop_instance_uid": "1.2.3.9.1", "instance_number": 1}
        made = highdicom.seg.Segmentation(
            slices or series[1],
            pixels,
            kind,
            described,
            **uids,
            manufacturer="x",
            manufacturer_model_name="x",
            software_versions="1",
            device_serial_number="1",
        )
        path = tmp_path / name
        made.save_as(path)
        made._db_con.close()  # an index that highdicom never closes; Python 3.13 warns of it
        return path

    return write


@pytest.fixture
def write_rtstruct(tmp_path):
    """A function that writes regions {name: [(type, points x,y,z)]} as a DICOM RTSTRUCT."""
    pydicom = pytest.importorskip("pydicom", reason="the extra `annotations` is not installed")
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset

    def write(regions, name="rt.dcm"):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = pydicom.uid.RTStructureSetStorage
        meta.MediaStorageSOPInstanceUID = "1.2.3.8"
        meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        made = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        made.SOPClassUID, made.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        made.Modality, made.StructureSetROISequence, made.ROIContourSequence = "RTSTRUCT", [], []
        for number, (region, contours) in enumerate(regions.items(), start=1):
            roi, drawn = Dataset(), Dataset()
            roi.ROINumber, roi.ROIName, drawn.ReferencedROINumber = number, region, number
            drawn.ContourSequence = []
            for kind, points in contours:
                contour = Dataset()
                contour.ContourGeometricType, contour.NumberOfContourPoints = kind, len(points)
                contour.ContourData = [f"{value:.10g}" for value in np.ravel(points)]
                drawn.ContourSequence.append(contour)
            made.StructureSetROISequence.append(roi)
            made.ROIContourSequence.append(drawn)
        path = tmp_path / name
        made.save_as(path, enforce_file_format=True)
        return path

    return write


def slices_of(volume, axes=("z", "y", "x")):
    """The pictures of a label map, as arrays of codes: counted, and with rows and columns, along these axes."""
    order = ["zyx".index(axis.removeprefix("-")) for axis in axes]
    steps = tuple(slice(None, None, -1 if axis.startswith("-") else 1) for axis in axes)
    return volume.array.transpose(order)[steps]


def mask_element(label, pixels):
    """A mask of CVAT: the runs of its box, row by row, that of pixels outside first."""
    rows, columns = np.nonzero(pixels)
    inside = pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    counts, value = [0], False
    for pixel in inside.ravel():
        if pixel != value:
            counts, value = [*counts, 0], not value
        counts[-1] += 1
    box = f'left="{columns.min()}" top="{rows.min()}" width="{inside.shape[1]}" height="{inside.shape[0]}"'
    return f'<mask label="{label}" rle="{", ".join(map(str, counts))}" {box} z_order="0"/>'


def write_xml(path, volume, labels, axes=("z", "y", "x"), name="{number}.png", first=0):
    """Write a label map as CVAT for images: a mask for each label in each slice."""
    images = []
    for at, picture in enumerate(slices_of(volume, axes)):
        masks = [mask_element(label, picture == code) for label, code in labels.items() if (picture == code).any()]
        size = f'width="{picture.shape[1]}" height="{picture.shape[0]}"'
        images.append(
            f'<image id="{at}" name="{name.format(number=f"{at + first:03d}")}" {size}>{"".join(masks)}</image>'
        )
    path.write_text(f"<annotations><version>1.1</version>{''.join(images)}</annotations>")
    return path


def region(label, value, kind="polygonlabels", size=SHAPE[1:], **more):
    """One region of Label Studio."""
    stated = {"original_height": size[0], "original_width": size[1], "type": kind, "id": "r1"}
    return {**stated, "value": {**value, kind: [label]}, **more}


def task(*regions, number=1, **data):
    """One task of Label Studio with the annotations of one person."""
    return {"id": number, "data": data, "annotations": [{"id": 1, "completed_by": 5, "result": list(regions)}]}


def packed(values, word=8, lengths=(4, 6, 8, 10)):
    """Values packed as Label Studio packs a brush: runs of equal values, single values where they change."""
    bits = [f"{len(values):032b}", f"{word - 1:05b}", *(f"{length - 1:04b}" for length in lengths)]
    at = 0
    while at < len(values):
        end = at
        while end + 1 < len(values) and values[end + 1] == values[at] and end - at < 2 ** max(lengths) - 1:
            end += 1
        single = end == at
        while single and end + 1 < len(values) and values[end + 1] != values[end] and end - at < 15:
            end += 1
        count = end - at  # minus 1
        which = next(one for one, length in enumerate(lengths) if count < 2**length)
        stored = values[at : end + 1] if single else values[at : at + 1]
        bits += ["0" if single else "1", f"{which:02b}", f"{count:0{lengths[which]}b}"]
        bits += [f"{value:0{word}b}" for value in stored]
        at = end + 1
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return [int(text[start : start + 8], 2) for start in range(0, len(text), 8)]


def brush(pixels):
    """The region's value of a mask: its opacity, in colour."""
    rgba = np.zeros((*pixels.shape, 4), np.uint8)
    rgba[pixels] = (200, 30, 7, 255)
    return {"format": "rle", "rle": packed(rgba.ravel().tolist())}
