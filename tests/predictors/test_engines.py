import os
import shlex
from pathlib import Path, PurePosixPath

import pytest

from ctbench.errors import PluginNotFoundError, UsageError
from ctbench.predictors import Limits, open_predictor
from ctbench.predictors.engines import container_command


@pytest.mark.parametrize("is_root", [True, False])
def test_podman_keeps_the_users_id_where_it_runs_without_root(monkeypatch, is_root):
    """Podman refuses the option to root, whose container is nobody's anyway."""
    monkeypatch.setattr(os, "geteuid", lambda: 0 if is_root else 1000)
    output = (Path("/c/out"), PurePosixPath("/out"))
    command = container_command("podman", "model", [], mounts=(), output=output, name="n", limits=Limits())
    assert ("keep-id" in command) is not is_root


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
    mounts = [(Path("/c/in"), PurePosixPath("/in")), (Path("/w"), PurePosixPath("/w"))]
    output = (Path("/c/out"), PurePosixPath("/out"))
    command = container_command(
        "docker", "model", ["--in", "x"], mounts=mounts, output=output, name="n", limits=limits, gpu=True
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
        "apptainer",
        "model.sif",
        ["--in", "x"],
        mounts=[(Path("/c/in"), PurePosixPath("/in"))],
        output=(Path("/c/out"), PurePosixPath("/out")),
        name="n",
        limits=Limits(),
        writable=True,
    )
    assert shlex.join(command) == (
        "apptainer run --containall --cleanenv --no-home --net --network none --pwd /out "
        "--writable-tmpfs --bind /c/in:/in:ro --bind /c/out:/out model.sif --in x"
    )


def test_apptainer_mounts_no_path_with_a_colon_or_comma(tmp_path):
    """Its options are divided by them, and there is no quoting: one sentence."""
    output = (tmp_path, PurePosixPath("/out"))
    for name in ("a:b", "a,b"):
        with pytest.raises(UsageError, match=r"apptainer cannot mount .*rename the folder"):
            container_command(
                "apptainer",
                "x.sif",
                [],
                mounts=((tmp_path / name, PurePosixPath("/w")),),
                output=output,
                name="n",
                limits=Limits(),
            )
