"""Container engines: docker, podman, apptainer and singularity, and the command line that runs a container image."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ctbench.errors import PluginNotFoundError, UsageError
from ctbench.predictors.isolation import Limits

__all__ = ["ENGINES", "NOBODY", "chosen_engine", "container_command", "expect_image", "kill_container"]

ENGINES = ("docker", "podman", "apptainer", "singularity")
"""Container engines in the order in which they are tried."""

NOBODY = 65534
"""User and group of a container where ctbench runs as root."""

_WITH_SERVICE = {"docker", "podman"}

Mount = tuple[Path, PurePosixPath]
"""A file or folder of this machine, and its path inside the container."""


def chosen_engine(engine: str | None, image: str) -> str:
    """Return ``engine``, or the first suitable one that is installed; if none is, the first suitable one.

    Raises:
        UsageError: The engine is unknown.
    """
    if engine is not None and engine not in ENGINES:
        msg = f"expected engine {' or '.join(ENGINES)}, got {engine!r}"
        raise UsageError(msg)
    fitting = ENGINES[2:] if image.endswith(".sif") else ENGINES
    return engine or next(filter(shutil.which, fitting), fitting[0])


def expect_image(engine: str, image: str) -> None:
    """Check that the engine runs and has the image; docker and podman pull an image that they do not have.

    Raises:
        PluginNotFoundError: The engine is not installed or does not answer, or there is no such image.
    """
    if shutil.which(engine) is None:
        msg = f"container:{image} needs one of {', '.join(ENGINES)}; {engine} is not installed here"
        raise PluginNotFoundError(msg)
    if engine in _WITH_SERVICE:
        _expect_answer(engine, image, "info", what=f"{engine} does not answer; start its service")
        if _asked(engine, "image", "inspect", image).returncode:
            _expect_answer(engine, image, "pull", image, what=f"{engine} has no image {image}")
    elif "://" not in image and not Path(image).exists():
        msg = f"container:{image}: there is no such file; {engine} runs a .sif file or docker://IMAGE"
        raise PluginNotFoundError(msg)


def kill_container(engine: str, name: str) -> None:
    """Kill a container, which outlives the killed client of docker or podman."""
    if engine in _WITH_SERVICE:
        subprocess.run([engine, "kill", name], capture_output=True, check=False, timeout=60)


def container_command(
    engine: str,
    image: str,
    arguments: Sequence[str],
    *,
    mounts: Sequence[Mount],
    output: Mount,
    name: str,
    limits: Limits,
    gpu: bool = False,
    user: str | None = None,
    writable: bool = False,
    environment: Sequence[tuple[str, str]] = (),
) -> list[str]:
    """Return the command line that runs a container image once, without network.

    Args:
        engine: One of ``ENGINES``.
        image: Container image.
        arguments: Arguments of the image.
        mounts: Files and folders that are mounted read-only.
        output: Folder that is mounted writable.
        name: Name of the container.
        limits: Limits of memory and processes; the caller watches time and the size of the output folder.
        gpu: Whether it may use the graphics cards. Default: no.
        user: ``image`` for the user that the image names. Default: this user, or nobody for root.
        writable: Whether it may also write to its own file system, which is removed afterwards. Default: no.
        environment: Its environment variables; one that this process has with the same value is passed by its name, so
            that the value does not stand in the command line.

    Raises:
        UsageError: A path to mount has a colon or comma, which apptainer and singularity cannot mount.
    """
    if engine in _WITH_SERVICE:
        words = _docker(engine, mounts, output, name, limits, gpu=gpu, user=user, writable=writable)
    else:
        words = _apptainer(engine, mounts, output, gpu=gpu, writable=writable)
    for key, value in environment:
        known = os.environ.get(key) == value and engine in _WITH_SERVICE
        words += ["--env", key if known else f"{key}={value}"]
    return [*words, image, *arguments]


def _docker(
    engine: str,
    mounts: Sequence[Mount],
    output: Mount,
    name: str,
    limits: Limits,
    *,
    gpu: bool,
    user: str | None,
    writable: bool,
) -> list[str]:
    command = [engine, "run", "--rm", "--name", name, "--network", "none", *([] if writable else ["--read-only"])]
    command += [] if user else ["--user", _user()]
    command += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    command += ["--memory", str(limits.memory_bytes), "--memory-swap", str(limits.memory_bytes)]
    command += ["--pids-limit", str(limits.processes), "--ulimit", "core=0"]
    command += ["--ulimit", f"fsize={limits.written_bytes}", "--ulimit", f"cpu={int(limits.cpu_budget_seconds) or 1}"]
    command += ["--tmpfs", f"/tmp:rw,mode=1777,size={limits.written_bytes}", "--env", "HOME=/tmp"]  # noqa: S108  # inside
    for source, target in mounts:
        command += ["--mount", _bind(source, target, "readonly")]
    command += ["--mount", _bind(*output), "--log-driver", "none"]
    if engine == "podman":
        rootless = os.geteuid() != 0 and not user
        command += ["--userns", "keep-id"] if rootless else []  # podman refuses it for root
        return [*command, *(["--device", "nvidia.com/gpu=all"] if gpu else [])]
    return [*command, *(["--gpus", "all"] if gpu else [])]


def _apptainer(engine: str, mounts: Sequence[Mount], output: Mount, *, gpu: bool, writable: bool) -> list[str]:
    # Its own limits need a delegated cgroup; as it is our child process, it is measured like any program.
    command = [engine, "run", "--containall", "--cleanenv", "--no-home", "--net", "--network", "none"]
    command += ["--pwd", str(output[1]), *(["--writable-tmpfs"] if writable else [])]
    for source, target in mounts:
        command += ["--bind", f"{_plain(source)}:{target}:ro"]
    return [*command, "--bind", f"{_plain(output[0])}:{output[1]}", *(["--nv"] if gpu else [])]


def _bind(source: Path, target: PurePosixPath, *options: str) -> str:
    """Return a mount as docker and podman read it, a line of CSV: a comma in a name must not begin an option."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(["type=bind", f"source={source}", f"target={target}", *options])
    return line.getvalue()


def _plain(path: Path) -> Path:
    """Return a path that can be mounted by apptainer, whose options are divided by colons and commas."""
    if re.search("[:,]", str(path)):
        msg = f"apptainer cannot mount {path}, which has a colon or comma in its name; rename the folder"
        raise UsageError(msg)
    return path


def _user() -> str:
    return f"{NOBODY}:{NOBODY}" if os.geteuid() == 0 else f"{os.getuid()}:{os.getgid()}"


def _expect_answer(engine: str, image: str, *arguments: str, what: str) -> None:
    asked = _asked(engine, *arguments)
    if asked.returncode:
        told = asked.stderr.strip().splitlines()[-1:] or ["no message"]
        msg = f"container:{image}: {what} ({engine} {arguments[0]}: {told[0][:200]})"
        raise PluginNotFoundError(msg)


def _asked(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
