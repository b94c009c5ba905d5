import json
import os
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from ctbench.errors import PluginError, PluginNotFoundError, PredictionFailedError, UsageError
from ctbench.predictors import ContainerPredictor, Limits, load_predictor, open_predictor, process_command
from ctbench.predictors.container import container_command

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


def test_apptainer_needs_its_file(tmp_path, monkeypatch):
    """An address is left to the engine."""
    (tmp_path / "apptainer").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PluginNotFoundError, match="there is no such file"):
        open_predictor(f"container:{tmp_path}/absent.sif", {"labels": {"a": 1}})
    open_predictor("container:docker://group/model", {"labels": {"a": 1}, "engine": "apptainer"})


def test_dockers_command_keeps_a_container_apart():
    """No network, no rights, nobody's user, a read-only system, and every limit."""
    limits = Limits(seconds=10, cpu_seconds=20, memory_gb=2, processes=30, written_gb=0.5)
    command = container_command(
        "docker", "model", Path("/c/in"), Path("/c/out"), name="n", limits=limits, mounts=[Path("/w")], gpu=True
    )
    text = " ".join(command)
    for part in (
        "run --rm --name n --network none --read-only",
        "--cap-drop ALL --security-opt no-new-privileges",
        f"--memory {2 * 2**30} --memory-swap {2 * 2**30}",
        "--pids-limit 30",
        f"--ulimit fsize={2**29} --ulimit cpu=20",
        "--mount type=bind,source=/c/in,target=/in,readonly",
        "--mount type=bind,source=/w,target=/w,readonly",
        "--mount type=bind,source=/c/out,target=/out ",
        "--gpus all model --in",
    ):
        assert part in text
    user = command[command.index("--user") + 1]
    assert user.split(":")[0] == str(os.getuid() or 65534)


def test_apptainers_command_contains_everything():
    """The same contract by the means of the other engine."""
    command = container_command(
        "apptainer", "model.sif", Path("/c/in"), Path("/c/out"), name="n", limits=Limits(), options={"fold": 1}
    )
    assert shlex.join(command) == (
        "apptainer run --containall --cleanenv --no-home --net --network none --pwd /out "
        "--bind /c/in:/in:ro --bind /c/out:/out model.sif --in /in/image.nii.gz --out /out/prediction.nii.gz --fold 1"
    )


def test_a_container_that_takes_too_long_is_killed(docker, shown):
    """Ending docker's client would not end what it started."""
    predictor = ContainerPredictor("model", limits=Limits(seconds=1), how="wait")
    with pytest.raises(PredictionFailedError, match="model took more than 1 s"):
        predictor.predict(shown)
    run, kill = (line.split() for line in docker.read_text().splitlines())
    assert kill == ["kill", run[run.index("--name") + 1]]


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
