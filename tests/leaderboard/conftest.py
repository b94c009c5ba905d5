"""A small board with images, and the pages in this process or served to a browser."""

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import leaderboard
from ctbench.boards import submit
from ctbench.datasets import load_dataset
from ctbench.labels import LabelSet
from ctbench.predictors import Prediction, PredictorInfo
from ctbench.runs import READERS, run
from ctbench.volume import Volume, write_volume

APP = Path(leaderboard.__file__).with_name("app.py")
SPACING_MM = (5.0, 1.0, 1.0)
DESK = {"width": 1280, "height": 900}
CATALOGUE = """
toy:
  title: Two blobs on a small grid
  modality: CT
  task: segmentation
  labels: {iph: 1, ivh: 2}
  groups: {hemorrhage: [iph, ivh]}
  image: images/{case}.nii.gz
  readers: readers/{reader}/{case}.nii.gz
  cases: cases.csv
"""
CASES = ("case1", "case2", "case3", "case4", "case5")


def _blobs(number, shift=0):
    labels = np.zeros((6, 32, 32), np.uint8)
    labels[1:4, 6:15, 5 + shift : 13 + shift + number] = 1
    if number != 3:  # case4 has no ivh
        labels[2:5, 19:26, 10 + shift : 17 + shift] = 2
    return labels


class Model:
    """Finds the blobs, a few voxels too wide; fails on one case if it is told to."""

    def __init__(self, name, width, fails_on=""):
        self.info = PredictorInfo(
            name=name,
            version="1.2",
            labels=LabelSet({"iph": 1, "ivh": 2}),
            description=f"Widens what is bright by {width}.",
            paper="Nobody et al., Nowhere 2020",
            licence="Apache-2.0",
            training_datasets=("toy",) if fails_on else (),
            parameters={"width": width},
        )
        self.width, self.fails_on = width, fails_on

    def predict(self, image):
        """Threshold, then widen along x."""
        if self.fails_on and (image.array == 70 + int(self.fails_on)).any():
            msg = "no <b>brain</b> found"
            raise RuntimeError(msg)
        bright = np.where(image.array > 90, 2, np.where(image.array > 50, 1, 0))
        wide = bright.copy()
        for step in range(1, self.width + 1):
            wide = np.maximum(wide, np.roll(bright, step, axis=2))
        return Prediction(wide.astype(np.uint8), score=float(bright.any()))


def _write_dataset(root):
    for number, case in enumerate(CASES):
        for reader, shift in (("ann", 0), ("ben", 1), ("cem", -1)):
            path = root / "readers" / reader / f"{case}.nii.gz"
            write_volume(Volume(_blobs(number, shift), SPACING_MM), path)
        hu = np.select([_blobs(number) == 1, _blobs(number) == 2], [70 + number, 100], 30).astype(np.int16)
        write_volume(Volume(hu, SPACING_MM), root / "images" / f"{case}.nii.gz")
    rows = "\n".join(f"{case},{'old' if number < 3 else 'young'}" for number, case in enumerate(CASES))
    (root / "cases.csv").write_text(f"case,age_group\n{rows}\n", encoding="utf-8")
    (root / "toy.yaml").write_text(CATALOGUE, encoding="utf-8")


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    """The YAML file of a dataset of five cases, three readers and two structures, with subgroups."""
    root = tmp_path_factory.mktemp("toy")
    _write_dataset(root)
    return root / "toy.yaml"


class Coarse(Model):
    """Finds any blood, without its type: it knows a group of the dataset and none of its labels."""

    def __init__(self):
        super().__init__("coarse", 1)
        self.info = PredictorInfo(name="coarse", version="1", labels=LabelSet({"hemorrhage": 1}))

    def predict(self, image):
        """One code for everything bright."""
        return Prediction((super().predict(image).labels > 0).astype(np.uint8))


@pytest.fixture(scope="session")
def coarse_runs(toy, toy_runs, tmp_path_factory):
    """A folder with the runs of the readers and of a model that knows a group only."""
    folder = tmp_path_factory.mktemp("coarse_runs")
    shutil.copytree(toy_runs["readers"].folder, folder / "readers")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CTBENCH_CACHE", str(folder / ".cache"))
        chosen = {"metrics": ["dice", "volume_ml", "reference_volume_ml"], "jobs": 1, "cached": False}
        run(load_dataset(toy), Coarse(), folder / "coarse", **chosen)
    return folder


@pytest.fixture(scope="session")
def toy_runs(toy, tmp_path_factory):
    """Runs of the readers, of a good model, and of one that is worse and fails on the second case."""
    folder = tmp_path_factory.mktemp("toy_runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CTBENCH_CACHE", str(folder / ".cache"))
        dataset = load_dataset(toy)
        predictors = {"readers": READERS, "sharp": Model("sharp", 1), "blunt": Model("blunt", 4, fails_on="1")}
        chosen = {"metrics": ["dice", "hd95", "volume_ml", "reference_volume_ml"], "jobs": 1, "cached": False}
        return {name: run(dataset, one, folder / name, **chosen) for name, one in predictors.items()}


@pytest.fixture(scope="session")
def toy_board(toy_runs, tmp_path_factory):
    """A board to which these runs were submitted."""
    folder = tmp_path_factory.mktemp("toy_board") / "board"
    for one in toy_runs.values():
        submit(one, folder)
    return folder


@pytest.fixture
def app(monkeypatch, toy):
    """Open the pages of a board in this process: ``app(board, page="", **query)`` gives an ``AppTest`` that has run."""

    def opened(board, page="", record=None, **query):
        named = [f"--catalog={toy}", *([f"--verified={record}"] if record else [])]
        monkeypatch.setattr(sys, "argv", ["app.py", str(board), *named])
        test = AppTest.from_file(str(APP), default_timeout=60)
        for key, value in query.items():
            test.query_params[key] = value
        if page:
            # Only pages that are files can be switched to; ours are functions, known by the digest of their address.
            test._page_hash = calc_hash(page)
        test.run()
        assert not test.exception
        return test

    return opened


def _free_port():
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def _wait_for(port, process):
    for _ in range(240):
        if process.poll() is not None:
            pytest.fail(f"the server ended with {process.returncode}")
        with closing(http.client.HTTPConnection("localhost", port, timeout=1)) as connection, suppress(OSError):
            connection.request("GET", "/_stcore/health")
            if connection.getresponse().read():
                return
        time.sleep(0.25)
    pytest.fail("the server did not answer within a minute")


@pytest.fixture(scope="session")
def server(toy, toy_board):
    """The address of the toy board's pages, served by ``ctbench leaderboard``."""
    port = _free_port()
    start = [sys.executable, "-c", "from ctbench.cli import main; main()"]
    command = [*start, "leaderboard", str(toy_board), "--port", str(port), "--catalog", str(toy)]
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        _wait_for(port, process)
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def _fresh_tab(chromium):
    """Open a tab of 1280 x 900; yield it, and what its pages wrote as errors to the console."""
    context = chromium.new_context(viewport=DESK, accept_downloads=True)
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text) if _is_ours(message) else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    try:
        yield page, said
    finally:
        context.close()


@pytest.fixture
def tab(chromium):
    """A fresh tab of 1280 x 900; fails the test if the page wrote an error to the console."""
    with _fresh_tab(chromium) as (page, said):
        yield page
    assert not said


@pytest.fixture(scope="module")
def walked_tab(chromium, server):
    """A tab in which the tests of a module follow links of the navigation, and the errors of its console."""
    with _fresh_tab(chromium) as (page, said):
        page.goto(server)
        yield page, said


@pytest.fixture
def walk(walked_tab):
    """Follow a link of the navigation, on which no error is shown, as a visitor who is already on the board."""
    page, said = walked_tab

    def followed(title, url):
        wait_until_drawn(page)
        page.set_viewport_size(DESK)
        page.get_by_role("link", name=title, exact=True).first.click()
        page.wait_for_function("path => location.pathname === path", arg=f"/{url}")
        wait_until_drawn(page)
        expect_no_error(page)
        return page

    yield followed
    assert not said


def _is_ours(message):
    # Below an address with a path, Streamlit's own script asks there for its server before it asks at the root.
    return message.type == "error" and "/_stcore/" not in message.location.get("url", "")


def wait_until_drawn(tab):
    """Wait until the page in the tab has been drawn whole."""
    tab.wait_for_selector("[data-testid='stMainBlockContainer'] .words", state="attached", timeout=60_000)
    tab.wait_for_selector("[data-testid='stApp'][data-test-script-state='notRunning']", timeout=60_000)
    tab.wait_for_timeout(300)
    tab.wait_for_selector("[data-testid='stApp'][data-test-script-state='notRunning']", timeout=60_000)
    # What draws an element is fetched when the first of its kind comes: until then a grey bar stands in its place.
    tab.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')", timeout=60_000)


def expect_no_error(tab):
    """Fail if the page shows an exception or an error."""
    assert tab.locator("[data-testid='stException']").count() == 0
    assert tab.locator("[data-testid='stAlertContentError']").count() == 0


@pytest.fixture
def drawn(tab):
    """Wait until the page in the tab has been drawn whole."""
    return lambda: wait_until_drawn(tab)


@pytest.fixture
def visit(server, tab):
    """Open a page of the toy board: ``visit("compare?metric=HD95")`` gives the tab, in which no error is shown."""

    def opened(address=""):
        tab.goto(f"{server}/{address}")
        wait_until_drawn(tab)
        expect_no_error(tab)
        return tab

    return opened
