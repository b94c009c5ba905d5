"""What every test may use."""

import functools
import gc
import getpass
import gzip
import os
import platform
import shutil
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from ctbench.cli import main
from ctbench.datasets import load_dataset
from ctbench.errors import MissingFileError, PredictionFailedError
from ctbench.labels import LabelSet
from ctbench.predictors import Prediction, PredictorInfo
from ctbench.report.page.printing import find_browser
from ctbench.runs import open_run, privacy, run
from ctbench.volume import Volume, write_volume

# A busy machine is no defect: properties are tested for what they say, never for how long it takes.
settings.register_profile("ctbench", deadline=None)
settings.load_profile("ctbench")

# Where a test asks for no number of processes, it computes in its own: several test processes run beside each other,
# and a worker that starts imports everything first.
os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")

SPACING = (4.0, 1.0, 1.0)
YAML = """
blobs:
  title: Two blobs on a small grid
  modality: CT
  task: segmentation
  labels: {iph: 1, ivh: 2}
  groups: {hemorrhage: [iph, ivh]}
  image: images/{case}.nii.gz
  readers: readers/{reader}/{case}.nii.gz
  cases: cases.csv
"""


def pytest_collection_modifyitems(items):
    """Begin with the files that hold slow tests: at the end no process waits long for another's last test."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish(session):
    """Spare the garbage collector what collecting made: it would search hundreds of modules time and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def blob(shift):
    """A label map with a box of each label, shifted along x."""
    labels = np.zeros((6, 24, 24), np.uint8)
    labels[1:4, 6:14, 4 + shift : 12 + shift] = 1
    labels[2:5, 16:21, 10 + shift : 15 + shift] = 2
    return labels


@pytest.fixture(scope="session")
def real_data():
    """The folder of real volumes; tests that want it are skipped where it is absent."""
    folder = Path(os.environ.get("CTBENCH_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real volumes are not at {folder}; set CTBENCH_TEST_DATA")
    return folder


_WEBGL = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
"""Volumes are drawn by WebGL, which a machine without a GPU computes; the pages around them need not be."""
_PLAIN = ("--disable-gpu-compositing", "--disable-gpu-rasterization")


@pytest.fixture(scope="session")
def chromium():
    """The one browser of a test process; tests that want it are skipped with a reason where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api")
    try:
        path = find_browser()
    except MissingFileError:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *_WEBGL, *_PLAIN])
        yield browser
        browser.close()


_UNFOLD = """() => {
    document.querySelectorAll("details").forEach(one => one.open = true);
    document.querySelectorAll("tbody tr:nth-child(n + 3), svg > :not(title)").forEach(one => one.remove());
}"""
"""Opens all that is folded. Two rows of a table have its colours of texts; what a chart says is in its title."""


@pytest.fixture(scope="session")
def accessibility_problems():
    """A function that lists what bars people from a page, of any impact, as axe-core finds it by all of its rules."""
    axe = pytest.importorskip("axe_playwright_python", reason="the extra `test` is not installed")
    script = Path(axe.__file__).with_name("axe.min.js").read_text(encoding="utf-8")

    def problems(page, *, unfolded=False, colours=True):
        if unfolded:
            page.evaluate(_UNFOLD)
        page.evaluate(script)
        rules = {} if colours else {"color-contrast": {"enabled": False}}
        broken = page.evaluate("rules => axe.run({resultTypes: ['violations'], rules})", rules)["violations"]
        return [f"{rule['impact']} {rule['id']}: {node['html']}" for rule in broken for node in rule["nodes"]]

    return problems


def store(volume, axes, flips):
    """Return a volume as a file may store it: file axis i is the volume's axis axes[i]; flips are of the volume's."""
    last = np.array([size - 1 if flip else 0 for size, flip in zip(volume.shape, flips, strict=True)])
    origin = volume.origin_mm + volume.direction @ (np.array(volume.spacing_mm) * last)
    array = np.flip(volume.array, [axis for axis in range(3) if flips[axis]]).transpose(axes)
    direction = (volume.direction * np.where(flips, -1.0, 1.0))[:, list(axes)] + 0.0  # no negative zero
    return Volume(array, [volume.spacing_mm[axis] for axis in axes], origin, direction)


@pytest.fixture(scope="session")
def stored_as():
    """A function that returns a volume in another of the 48 orientations in which files store the same voxels."""
    return store


@pytest.fixture(scope="session")
def blobs_original(tmp_path_factory):
    """The dataset of `blobs_folder` as it is written once for a test process; tests change their copies only."""
    root = tmp_path_factory.mktemp("original") / "blobs"
    for number, case in enumerate("abcd"):
        for reader, shift in (("r1", 0), ("r2", 1), ("r3", -1)):
            write_volume(Volume(blob(shift + number), SPACING), root / "readers" / reader / f"{case}.nii.gz")
        hu = np.where(blob(number) > 0, 70, 30).astype(np.int16)
        write_volume(Volume(hu, SPACING), root / "images" / f"{case}.nii.gz")
    (root / "cases.csv").write_text("case,split,not_assessed\na,train,\nb,test,\nc,test,\nd,test,ivh\n")
    (root / "blobs.yaml").write_text(YAML)
    return root


@pytest.fixture
def blobs_folder(blobs_original, tmp_path):
    """Four cases; the readers draw one voxel apart; case d has no ivh that anybody could assess."""
    return Path(shutil.copytree(blobs_original, tmp_path / "blobs"))


@pytest.fixture
def blobs(blobs_folder):
    """The dataset as a user loads it."""
    return load_dataset(blobs_folder / "blobs.yaml")


@pytest.fixture
def write_ct():
    """A function that writes a volume with axes along z, y and x as a CT of DICOM slices, and gives their data sets."""
    pydicom = pytest.importorskip("pydicom", reason="the extra `annotations` is not installed")

    def write(volume, folder):
        folder.mkdir(parents=True)
        slices = [ct_slice(pydicom, index, volume) for index in range(volume.shape[0])]
        for index, one in enumerate(slices):
            one.save_as(folder / f"{len(slices) - index}.dcm", enforce_file_format=True)
        return slices

    return write


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    """Each test has caches of its own: none is helped by what another computed, and nobody's own are touched."""
    folder = tmp_path / ".cache"
    monkeypatch.setenv("CTBENCH_CACHE", str(folder))
    return folder


@pytest.fixture(autouse=True)
def own_modules(monkeypatch):
    """Each test imports the user's modules that it wrote itself, not those of the same name of another test."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in [name for name in list(sys.modules) if name.startswith("users_model")]:
        del sys.modules[name]


class Bright:
    """Finds what is bright, as one class; on case c (by its image) it does what it is told."""

    def __init__(self, misbehave=None):
        self.info = PredictorInfo(name="bright", version="1", labels=LabelSet({"hemorrhage": 1}))
        self.misbehave = misbehave

    def predict(self, image):
        """Segment what is bright."""
        labels = (image.array > 50).astype(np.uint8)
        if self.misbehave and labels[1, 6, 6] and not labels[1, 6, 5]:
            return self.misbehave(labels)
        return Prediction(labels, score=0.9)


def refuse(labels):
    """Raise as a broken model does."""
    msg = "CUDA went away"
    raise RuntimeError(msg)


@pytest.fixture
def bright():
    """A predictor that knows only the group."""
    return Bright()


class Unsure:
    """Finds what is bright with probability .8, and everything else with .1."""

    info = PredictorInfo(name="unsure", version="1", labels=LabelSet({"hemorrhage": 1}))

    def __init__(self, fails=0):
        self.fails = fails

    def predict(self, image):
        """Predict; fail as often as told."""
        if self.fails:
            self.fails -= 1
            msg = "no memory"
            raise PredictionFailedError(msg)
        bright = image.array > 50
        return Prediction(bright.astype(np.uint8), probabilities={"hemorrhage": np.where(bright, 0.8, 0.1)})


@pytest.fixture
def unsure():
    """The class of a predictor with probabilities."""
    return Unsure


@pytest.fixture
def probability_run(blobs, tmp_path):
    """A run of it on `blobs` that keeps its probabilities."""
    return run(blobs, Unsure(), tmp_path / "unsure", metrics=["dice"], jobs=1, keep_probabilities=True)


@pytest.fixture
def fails_on_c():
    """The same, but it raises on case c."""
    return Bright(refuse)


@pytest.fixture
def wrong_shape_on_c():
    """The same, but case c comes back with a slice too few."""
    return Bright(lambda labels: Prediction(labels[1:]))


@pytest.fixture(scope="session")
def finished_runs(blobs_original, tmp_path_factory):
    """A function that returns a finished run of `Bright` on `blobs`, made once for a test process."""

    @functools.cache
    def make(misbehave, metrics):
        with pytest.MonkeyPatch.context() as patch:
            folder = tmp_path_factory.mktemp("finished")
            patch.setenv("CTBENCH_CACHE", str(folder / ".cache"))
            patch.chdir(folder)
            dataset = load_dataset(blobs_original / "blobs.yaml")
            return run(dataset, Bright(misbehave), folder / "run", metrics=metrics, jobs=1)

    return make


@pytest.fixture
def finished_run(finished_runs, tmp_path):
    """A function that copies a finished run on `blobs` to a folder and opens it: for tests of what becomes of runs.

    Tests of `run` itself call `run`. ``predictor`` is `bright` or `fails_on_c`.
    """

    def copy(predictor, *metrics, folder="run"):
        made = finished_runs(predictor.misbehave, metrics)
        return open_run(Path(shutil.copytree(made.folder, tmp_path / folder)))

    return copy


@pytest.fixture
def on_machine(monkeypatch):
    """A function that gives the user and the machine other names, which `ctbench.runs.privacy` keeps for a process."""

    def call(user, home, machine):
        privacy._own_names.cache_clear()
        monkeypatch.setattr(Path, "home", lambda: Path(home))
        monkeypatch.setattr(getpass, "getuser", lambda: user)
        monkeypatch.setattr(platform, "node", lambda: machine)

    yield call
    privacy._own_names.cache_clear()


class Late:
    """A model that draws what is bright, without the first slices: no copy of anybody."""

    def __init__(self, name, without):
        self.info = PredictorInfo(name=name, version="1", labels=LabelSet({"hemorrhage": 1}))
        self.without = without

    def predict(self, image):
        """Segment."""
        labels = (image.array > 50).astype(np.uint8)
        labels[: self.without] = 0
        return Prediction(labels)


@pytest.fixture
def late():
    """A class of models: their name, and how many of the first slices they miss."""
    return Late


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """Work in a folder of no repository: the commit of one that changes meanwhile would stand in runs."""
    folder = tmp_path / "nowhere"
    folder.mkdir()
    monkeypatch.chdir(folder)


@dataclass
class Result:
    """What a command left behind."""

    exit_code: int
    out: str
    err: str


@pytest.fixture
def ctbench(monkeypatch, capfd, tmp_path):
    """Run `ctbench ARGUMENTS...` in an empty folder."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["ctbench", *map(str, arguments)])
        capfd.readouterr()
        try:
            main()
            code = 0
        except SystemExit as error:
            code = error.code or 0
        captured = capfd.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def needs_git():
    """Skip where git, whose hooks are tried, is not installed."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed (Debian: apt-get install git)")


_GIT_USER = ("-c", "user.name=me", "-c", "user.email=me@example.org", "-c", "commit.gpgsign=false")


@pytest.fixture
def git(needs_git, tmp_path, monkeypatch):
    """Run git in a folder, by default in a repository with one commit of two files; return what it printed."""
    folder = tmp_path / "repository"
    folder.mkdir()

    def call(*arguments):
        command = ["git", *_GIT_USER, *map(str, arguments)]
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()

    call("init", "-q", "-b", "main")
    (folder / "model.py").write_text("one")
    (folder / "inner").mkdir()
    (folder / "inner" / "data.txt").write_text("two")
    call("add", ".")
    call("commit", "-qm", "first")
    monkeypatch.chdir(folder)
    return call


def ct_slice(pydicom, index, volume):
    """One slice of a CT: number ``index`` along the first axis of a volume with axes along x, y and z."""
    from pydicom.dataset import FileDataset, FileMetaDataset

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = pydicom.uid.CTImageStorage
    meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{index + 1}"
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    one = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    (dz, dy, dx), (z, y, x) = volume.spacing_mm, volume.origin_mm
    rows, columns = volume.shape[1:]
    values = {
        "SOPClassUID": meta.MediaStorageSOPClassUID,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "StudyInstanceUID": "1.2.3.1",
        "SeriesInstanceUID": "1.2.3.2",
        "FrameOfReferenceUID": "1.2.3.3",
        "PatientID": "P1",
        "PatientName": "A^B",
        "PatientBirthDate": "",
        "PatientSex": "O",
        "StudyID": "1",
        "StudyDate": "20200101",
        "StudyTime": "120000",
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
        "Modality": "CT",
        "SeriesDescription": "head",
        "SeriesNumber": 1,
        "InstanceNumber": index + 1,
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "PatientPosition": "HFS",
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "ImagePositionPatient": [x, y, z + index * dz],
        "PixelSpacing": [dy, dx],
        "SliceThickness": dz,
        "Rows": rows,
        "Columns": columns,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 1,
        "RescaleSlope": 1,
        "RescaleIntercept": 0,
        "PixelData": volume.array[index].astype("<i2").tobytes(),
    }
    for keyword, value in values.items():
        setattr(one, keyword, value)
    return one


@pytest.fixture
def write_nifti(tmp_path):
    """A function that writes a NIfTI-1 field by field, as tools that ITK does not know may have written it.

    ``qform`` is (code, b, c, d, offsets x, y, z); ``sform`` is (code, 3 x 4 affine from x, y, z to RAS); ``scale`` is
    (slope, intercept); ``unit`` is 1 for m, 2 for mm, 3 for microns, 0 for none.
    """

    def write(name="a.nii", array=None, pixdim=(0.5, 0.6, 5.0), qform=None, sform=None, scale=(0, 0), unit=2):
        array = np.zeros((4, 5, 6), np.uint8) if array is None else array
        kinds = {"uint8": 2, "int16": 4, "int32": 8, "float32": 16, "float64": 64, "int8": 256, "uint16": 512}
        kinds |= {"uint32": 768, "int64": 1024, "uint64": 1280}
        header = bytearray(352)
        struct.pack_into("<i", header, 0, 348)
        sizes = [*array.shape[::-1], *[1] * (7 - array.ndim)]
        struct.pack_into("<8h", header, 40, array.ndim, *sizes)
        struct.pack_into("<2h", header, 70, kinds[array.dtype.name], array.dtype.itemsize * 8)
        struct.pack_into("<8f", header, 76, 1, *pixdim, 1, 1, 1, 1)
        struct.pack_into("<3f", header, 108, 352, *scale)
        struct.pack_into("<b", header, 123, unit)
        if qform is not None:
            struct.pack_into("<h2x6f", header, 252, *qform)
        if sform is not None:
            struct.pack_into("<h", header, 254, sform[0])
            struct.pack_into("<12f", header, 280, *np.asarray(sform[1])[:3].ravel())
        header[344:348] = b"n+1\0"
        content = bytes(header) + array.tobytes()
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content, mtime=0) if name.endswith(".gz") else content)
        return path

    return write
