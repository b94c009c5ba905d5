"""Containers in a real engine, podman: predictions come back, and what the engine is asked to enforce holds."""

import os
import shutil
import subprocess
import tarfile
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from ctbench.errors import PluginNotFoundError, PredictionFailedError
from ctbench.predictors import Limits
from ctbench.predictors.container import ContainerPredictor
from ctbench.volume import Volume

IMAGE = "localhost/ctbench-test:1"
WRAPPER = """#!/bin/sh
# Where this machine's root may not raise limits, podman's own defaults are refused.
if [ "$1" = run ]; then shift; set -- run --ulimit nofile=1000:1000 --ulimit nproc=1000:1000 "$@"; fi
exec {podman} "$@"
"""


@pytest.fixture(scope="session")
def places():
    """Podman with a store of its own, which holds an image of busybox: the variables under which it is found."""
    podman, busybox = shutil.which("podman"), shutil.which("busybox")
    if podman is None or busybox is None:
        pytest.skip("podman or busybox is not installed")
    with tempfile.TemporaryDirectory(prefix="podman-", ignore_cleanup_errors=True) as folder:
        yield from _store(Path(folder), podman, busybox)


def _store(folder, podman, busybox):
    """Make the store; where the path of its sockets is long, podman waits for each container for 20 seconds."""
    (folder / "podman").write_text(WRAPPER.format(podman=podman))
    (folder / "podman").chmod(0o755)
    store = f'[storage]\ndriver = "vfs"\nrunroot = "{folder}/run"\ngraphroot = "{folder}/graph"\n'
    (folder / "storage.conf").write_text(store)
    runtime = next((name for name in ("runc", "crun") if shutil.which(name)), "")
    (folder / "containers.conf").write_text(f'[engine]\nruntime = "{runtime}"\n')
    found = {
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        "CONTAINERS_CONF": str(folder / "containers.conf"),
    }
    found["PATH"] = f"{folder}:{os.environ['PATH']}"
    with tarfile.open(folder / "root.tar", "w") as archive:
        archive.add(busybox, "bin/busybox")
        for name in ("sh", "cp", "id", "sleep", "tail", "touch", "ls", "ps"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
    run = partial(subprocess.run, env={**os.environ, **found}, capture_output=True, text=True, check=False)
    imported = run([folder / "podman", "import", folder / "root.tar", IMAGE])
    tried = run([folder / "podman", "run", "--rm", "--network", "none", "--memory", "1g", IMAGE, "/bin/id"])
    if imported.returncode or tried.returncode:
        pytest.skip(f"podman runs no container here: {(imported.stderr + tried.stderr).strip()[-200:]}")
    yield found
    run([folder / "podman", "rm", "--all", "--force"])


@pytest.fixture
def predicted(places, monkeypatch):
    """Predict an image of zeros and ones with a shell script in a container."""
    for name, value in places.items():
        monkeypatch.setenv(name, value)
    image = Volume(np.eye(8, dtype=np.uint8)[None].repeat(3, 0), (5.0, 1.0, 1.0))

    def call(script, name=IMAGE, mounts=(), **limits):
        limits = Limits(**{"seconds": 60, "memory_gb": 1, **limits})
        run = f"/bin/sh -c '{script}'"
        predictor = ContainerPredictor(name, labels={"iph": 1}, engine="podman", limits=limits, mounts=mounts, run=run)
        predictor.expect_engine()
        return predictor.predict(image), image

    return call


def test_a_prediction_comes_back(predicted):
    """Voxel for voxel; the container reads the image and writes the label map."""
    prediction, image = predicted("cp {in} {out}")
    np.testing.assert_array_equal(prediction.labels, image.array)


def test_a_comma_in_a_name_is_no_option_of_a_mount(predicted, tmp_path):
    """A folder may be called like an option: it is mounted under its path, and nothing else is."""
    (tmp_path / "secret").mkdir()
    folder = tmp_path / f'w",source={tmp_path}'.replace("/", "_")
    folder.mkdir()
    (folder / "mine").touch()
    prediction, image = predicted("[ -e /w/mine ] && [ ! -e /w/secret ] && cp {in} {out}", mounts=((folder, "/w"),))
    np.testing.assert_array_equal(prediction.labels, image.array)


ATTEMPTS = {
    "be root": "[ $(id -u) = 0 ]",
    "write to the system": "touch /mark",
    "write beside the image": "touch /in/mark",
    "reach the network": "ls /sys/class/net | busybox grep -v lo",
    "read a token": '[ -n "$TOKEN" ]',
    "see other processes": "ps | busybox grep -v -e PID -e sh -e ps -e busybox -e grep",
}


def test_what_a_container_is_kept_from(predicted, monkeypatch):
    """It is nobody, writes to its output and scratch only, and has no network, no token and no other process."""
    monkeypatch.setenv("TOKEN", "hunter2")
    script = "".join(f"({attempt}) >/dev/null 2>&1 && echo can {name};" for name, attempt in ATTEMPTS.items())
    with pytest.raises(PredictionFailedError) as caught:
        predicted(f"{script} touch /tmp/x /out/x && echo tried all; exit 3")
    assert caught.value.__notes__ == ["tried all"]


@pytest.mark.parametrize(
    ("script", "limits", "why"),
    [
        ("sleep 1000", {"seconds": 3}, "took more than 3 s"),
        ("tail /dev/zero", {"memory_gb": 0.1}, "exit code 137"),
        ("while :; do sleep 100 & done", {"processes": 20}, "exit code 2|took more than|can.t fork"),
    ],
    ids=["time", "memory", "processes"],
)
def test_limits_of_a_container(predicted, places, script, limits, why, tmp_path, monkeypatch):
    """Time, memory and processes; afterwards the container is gone, and nothing is left in the working folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(PredictionFailedError, match=why):
        predicted(script, **{"seconds": 20, **limits})
    left = subprocess.run(["podman", "ps", "--quiet"], capture_output=True, text=True, check=True)  # noqa: S607
    assert left.stdout == ""
    assert list((tmp_path / "here").iterdir()) == []


def test_an_image_that_does_not_exist(predicted):
    """One sentence, before anything is predicted."""
    with pytest.raises(PluginNotFoundError, match=r"podman has no image localhost:1/none \(podman pull: .*\)"):
        predicted("true", name="localhost:1/none")
