import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from ctbench.errors import ContractError, PluginError, PluginNotFoundError, PredictionFailedError, UsageError
from ctbench.predictors import (
    ContainerPredictor,
    Isolation,
    Limits,
    load_predictor,
    open_predictor,
    process_command,
    visible_files,
)
from ctbench.volume import Volume

ENGINE = """#!{python}
import os, shutil, sys, time

arguments = sys.argv[1:]
with open({log!r}, "a") as file:
    print(*arguments, file=file)
if arguments[0] == "run":
    mounts = [dict(part.partition("=")[::2] for part in one.split(",")) for one in arguments if one.startswith("type=")]
    places = {{mount["target"]: mount["source"] for mount in mounts}}
    if "wait" in arguments[-1]:
        time.sleep(100)
    if "/in" not in places:
        exec(os.environ["IMAGE_DOES"])
        sys.exit()
    shutil.copy(places["/in"] + "/image.nii.gz", places["/out"] + "/prediction.nii.gz")
    with open(places["/out"] + "/prediction.json", "w") as file:
        file.write('{{"score": 0.5}}')
"""


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """An engine that does what docker would with an image that copies; it writes down how it was called."""
    log = tmp_path / "calls"
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(ENGINE.format(python=sys.executable, log=str(log)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels.json").write_text(json.dumps({str(code): code for code in range(1, 101)}))
    return log


@pytest.fixture
def shown(image):
    """An image that is its own label map."""
    return image.with_array(np.abs(image.array).astype(np.uint8))


def test_a_container_is_run_once_a_case(docker, shown):
    """The image comes in read-only, the prediction goes out, and the score stands beside it."""
    predictor = open_predictor("container:group/model:2", {"fold": 3})
    prediction = predictor.predict(shown)
    np.testing.assert_array_equal(prediction.labels, shown.array)
    assert prediction.score == 0.5
    assert predictor.info.name == "model"
    *asked, run = docker.read_text().splitlines()
    assert asked == ["info", "image inspect group/model:2"]
    call = run.split()
    assert call[call.index("group/model:2") + 1 :] == [
        *("--in", "/in/image.nii.gz", "--out", "/out/prediction.nii.gz"),
        *("--fold", "3"),
    ]


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (["info"], r"docker does not answer; start its service \(docker info: cannot connect\)"),
        (["image", "pull"], r"docker has no image model \(docker pull: cannot connect\)"),
    ],
)
def test_an_engine_without_service_or_image_is_an_error_before_a_case(docker, tmp_path, refused, message):
    """Each case would otherwise fail on its own, with the worst score."""
    program = tmp_path / "bin" / "docker"
    lines = program.read_text().splitlines()
    lines.insert(4, f"if arguments[0] in {refused}: sys.exit('first line\\ncannot connect')")
    program.write_text("\n".join(lines))
    with pytest.raises(PluginNotFoundError, match=message) as caught:
        open_predictor("container:model", {"labels": {"a": 1}})
    assert caught.value.exit_code == 2


def test_an_image_that_is_missing_is_pulled(docker, tmp_path):
    """As the engine itself would do when it runs it."""
    program = tmp_path / "bin" / "docker"
    missing = 'if arguments[0] == "image":\n    sys.exit(1)\nif arguments[0] == "run"'
    program.write_text(program.read_text().replace('if arguments[0] == "run"', missing))
    open_predictor("container:model", {"labels": {"a": 1}})
    assert docker.read_text().splitlines() == ["info", "image inspect model", "pull model"]


def test_a_container_that_takes_too_long_is_killed(docker, shown):
    """Ending docker's client would not end what it started."""
    predictor = ContainerPredictor("model", limits=Limits(seconds=1), how="wait")
    with pytest.raises(PredictionFailedError, match="model took more than 1 s"):
        predictor.predict(shown)
    run, kill = (line.split() for line in docker.read_text().splitlines())
    assert kill == ["kill", run[run.index("--name") + 1]]


DOES = """
import tarfile
from pathlib import Path, PurePosixPath
inputs, outputs = Path(places[{inputs!r}]), Path(places[{outputs!r}])
print("arguments:", *arguments[arguments.index("model") + 1 :], file=open({log!r}, "a"))
print("inputs:", *sorted(str(path.relative_to(inputs)) for path in inputs.rglob("*") if path.is_file()),
      file=open({log!r}, "a"))
answer = outputs / {answer!r}
answer.parent.mkdir(parents=True, exist_ok=True)
shutil.copy(inputs / {image!r}, answer)
"""

CASE = "BraTS-GLI-00000-000"


@pytest.mark.parametrize(
    ("options", "places", "arguments", "inputs"),
    [
        (
            {"interface": "grand-challenge", "input": "ct", "output": "ict-segmentation"},
            ("/input", "images/ct/image.mha", "/output", "images/ict-segmentation/output.mha"),
            "",
            "images/ct/image.mha inputs.json",
        ),
        (
            {"interface": "flare"},
            ("/workspace/inputs", "case_0000.nii.gz", "/workspace/outputs", "case.nii.gz"),
            "/bin/bash -c sh predict.sh",
            "case_0000.nii.gz",
        ),
        (
            {"interface": "brats", "input": "t1c"},
            ("/input", f"{CASE}/{CASE}-t1c.nii.gz", "/output", f"{CASE}.nii.gz"),
            "",
            f"{CASE}/{CASE}-t1c.nii.gz",
        ),
        (
            {"interface": "brats-mlcube", "input": "t1c"},
            ("/mlcube_io0", f"{CASE}/{CASE}-t1c.nii.gz", "/mlcube_io2", f"{CASE}.nii.gz"),
            "infer --data_path=/mlcube_io0 --output_path=/mlcube_io2",
            f"{CASE}/{CASE}-t1c.nii.gz",
        ),
        (
            {"in": "/data/scan.nrrd", "out": "/results", "run": "python predict.py {in} {out} --fold 0"},
            ("/data", "scan.nrrd", "/results", "any.nrrd"),
            "python predict.py /data/scan.nrrd /results --fold 0",
            "scan.nrrd",
        ),
    ],
)
def test_a_challenges_container_finds_its_paths(docker, shown, monkeypatch, options, places, arguments, inputs):
    """Image, output and arguments stand where the challenge says, and the geometry is that of the image again."""
    turn = np.array([[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]])
    oblique = Volume(shown.array, (5.0, 0.5, 0.6), (-70.0, 12.5, 3.25), turn)
    inside, image, outside, answer = places
    does = DOES.format(inputs=inside, outputs=outside, image=image, answer=answer, log=str(docker))
    monkeypatch.setenv("IMAGE_DOES", does)
    predictor = open_predictor("container:model", options)
    np.testing.assert_array_equal(predictor.predict(oblique).labels, shown.array)
    told = docker.read_text().splitlines()
    assert told[-2:] == [f"arguments: {arguments}".rstrip() if arguments else "arguments:", f"inputs: {inputs}"]


@pytest.mark.parametrize(
    ("does", "message"),
    [
        ("pass", "ended with exit code 0, but wrote no prediction: there is no label map"),
        (
            "[open(f'{places[\"/results\"]}/{name}.nii.gz', 'w') for name in 'ab']",
            r"holds 2 label maps \(a.nii.gz, b.nii.gz\)",
        ),
        ("sys.stderr.write('OSError: [Errno 30] Read-only file system'); sys.exit(1)", "add -o writable=true"),
        ("sys.stderr.write('Permission denied: /opt/cache'); sys.exit(1)", "add -o user=image"),
    ],
)
def test_what_a_container_did_wrong_comes_with_what_to_do(docker, shown, monkeypatch, does, message):
    """No output, several, and the two protections that images of challenges are not made for."""
    monkeypatch.setenv("IMAGE_DOES", does)
    predictor = open_predictor("container:model", {"in": "/data", "out": "/results"})
    with pytest.raises(PluginError, match=message):
        predictor.predict(shown)


def test_a_link_out_of_the_output_folder_is_not_followed(docker, shown, tmp_path, monkeypatch):
    """A folder of a container could otherwise lead to the readers' masks."""
    monkeypatch.setenv("IMAGE_DOES", f"os.symlink({str(tmp_path)!r}, places['/output'] + '/images')")
    predictor = open_predictor("container:model", {"interface": "grand-challenge", "input": "ct", "output": "x"})
    with pytest.raises(ContractError, match="images is a symbolic link"):
        predictor.predict(shown)


def test_its_files_are_mounted_at_the_paths_that_it_knows(docker):
    """`--mount FOLDER:INSIDE`; other predictors see a file at its own path."""
    isolation = Isolation(placed=((Path("/weights"), PurePosixPath("/opt/ml/model")),), mounts=(Path("/w"),))
    command = process_command("container:model", {}, isolation)
    assert "--mount type=bind,source=/weights,target=/opt/ml/model,readonly" in command
    assert "--mount type=bind,source=/w,target=/w,readonly" in command
    assert visible_files("container:model", isolation, Path.cwd()) == (Path("/w"), Path("/weights"))
    with pytest.raises(UsageError, match=r"is for containers; .* use --mount /weights"):
        open_predictor("command:a {image} {output}", {}, isolation)


def test_the_images_own_user_and_a_writable_system_are_options(docker):
    """For images that were not made for anybody else's user."""
    command = process_command("container:model", {"user": "image", "writable": True})
    assert "--user" not in command
    assert "--read-only" not in command
    with pytest.raises(UsageError, match="expected user=image"):
        process_command("container:model", {"user": "root"})


def test_a_variable_that_is_set_here_stands_in_no_command_line(docker, monkeypatch):
    """A token would be seen in the list of processes."""
    monkeypatch.setenv("TOKEN", "secret")
    command = process_command("container:model", {}, Isolation(environment=(("TOKEN", "secret"), ("MODE", "fast"))))
    assert "--env TOKEN --env MODE=fast" in command


def _engine_that_runs() -> str:
    """Return an engine with which a container runs on this machine; empty if there is none."""
    for engine in filter(shutil.which, ("docker", "podman")):
        if not subprocess.run([engine, "info"], capture_output=True, check=False).returncode:
            return engine
    return ""


@pytest.mark.slow
def test_a_real_engine_runs_an_image(shown, tmp_path, monkeypatch):
    """An image of a shell alone, made on the spot, finds its image and writes its label map, as nobody's user."""
    busybox, engine = Path("/bin/busybox"), _engine_that_runs()
    if not engine or not busybox.is_file():
        pytest.skip("needs docker or podman, and a static /bin/busybox")
    script = "mkdir -p /output/images/x && cp /input/images/ct/image.mha /output/images/x/any.mha && ! touch /y"
    with tarfile.open(tmp_path / "root.tar", "w") as tar:
        tar.add(busybox, "bin/busybox")
        for name in ("sh", "mkdir", "cp", "touch"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
    made = ["import", "--change", f"CMD {json.dumps(['/bin/sh', '-c', script])}", str(tmp_path / "root.tar")]
    subprocess.run([engine, *made, "ctbench-test"], check=True, capture_output=True)
    tried = subprocess.run([engine, "run", "--rm", "--ulimit", "core=0", "ctbench-test", "/bin/sh"], check=False)
    if tried.returncode:
        pytest.skip(f"{engine} runs no container here")
    options = {"interface": "grand-challenge", "input": "ct", "output": "x", "engine": engine}
    labels = {str(code): code for code in range(1, 101)}
    predictor = open_predictor("container:ctbench-test", options | {"labels": labels})
    np.testing.assert_array_equal(predictor.predict(shown).labels, shown.array)


def test_without_an_engine_the_command_can_be_shown_but_not_run(tmp_path, monkeypatch):
    """`--dry-run` works anywhere; a run says what it needs before it begins."""
    monkeypatch.setenv("PATH", str(tmp_path))
    options = {"labels": {"a": 1}}
    assert process_command("container:model", options).startswith("docker run")
    assert process_command("container:model.sif", options).startswith("apptainer run")
    with pytest.raises(PluginError, match=r"container:model needs one of docker, .*; docker is not installed here"):
        open_predictor("container:model", options)
    with pytest.raises(UsageError, match="expected engine docker or podman"):
        load_predictor("container:model", options | {"engine": "lxc"})
