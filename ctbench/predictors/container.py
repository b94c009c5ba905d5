"""`ContainerPredictor`: a container image that is run once for each case, without network."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ctbench.errors import PluginNotFoundError, UsageError
from ctbench.predictors.exchange import exchange
from ctbench.predictors.info import Labels, info_of_program
from ctbench.predictors.isolation import Limits, run_program
from ctbench.predictors.predictor import Prediction
from ctbench.volume import Volume

__all__ = ["ENGINES", "ContainerPredictor", "container_command"]

ENGINES = ("docker", "podman", "apptainer", "singularity")
"""Container engines in the order in which they are tried."""

_NOBODY = 65534


class ContainerPredictor:
    """A predictor that runs ``IMAGE --in /in/image.nii.gz --out /out/prediction.nii.gz`` for each case.

    The container may also write ``score`` and ``findings`` to ``/out/prediction.json``.

    Args:
        image: Container image, e.g. ``ghcr.io/group/model:1``, or a file ``model.sif``.
        labels: Names of its codes, or the JSON form of its ``info``: a path or the content; None: ``labels.json`` in
            the folder ``here``.
        engine: One of ``ENGINES``; None: the first that is installed.
        device: ``cuda...`` lets it use the graphics cards; it is not passed to the container.
        limits: Resource limits of a call.
        mounts: Further files and folders that it may read, at the same paths.
        here: Folder in which ``labels`` is found; None: the working folder.
        options: Further arguments of the image, passed as ``--name value``.

    Raises:
        UsageError: The engine is unknown.
        PluginNotFoundError: There is no ``labels.json``.
    """

    def __init__(
        self,
        image: str,
        labels: Labels = None,
        engine: str | None = None,
        device: str | None = None,
        limits: Limits | None = None,
        mounts: Sequence[Path] = (),
        here: Path | None = None,
        **options: Any,
    ) -> None:
        self.image = image
        self._engine = _chosen(engine, image)
        self._limits = limits or Limits()
        self._mounts = tuple(mounts)
        self._gpu = bool(device and device.startswith("cuda"))
        self._options = options
        name, settings = Path(image).name.partition(":")[0], {"image": image, **options}
        self.info = info_of_program(labels, here or Path.cwd(), name=name, parameters=settings)

    def expect_engine(self) -> None:
        """Check, before a case is scored, that the engine runs and has the image; docker and podman pull it if not.

        Raises:
            PluginNotFoundError: The engine is not installed or does not answer, or there is no such image.
        """
        if shutil.which(self._engine) is None:
            msg = f"container:{self.image} needs one of {', '.join(ENGINES)}; {self._engine} is not installed here"
            raise PluginNotFoundError(msg)
        if self._engine in {"docker", "podman"}:
            self._expect_answer("info", what=f"{self._engine} does not answer; start its service")
            if self._asked("image", "inspect", self.image).returncode:
                self._expect_answer("pull", self.image, what=f"{self._engine} has no image {self.image}")
        elif "://" not in self.image and not Path(self.image).exists():
            msg = f"container:{self.image}: there is no such file; {self._engine} runs a .sif file or docker://IMAGE"
            raise PluginNotFoundError(msg)

    def _expect_answer(self, *arguments: str, what: str) -> None:
        asked = self._asked(*arguments)
        if asked.returncode:
            told = asked.stderr.strip().splitlines()[-1:] or ["no message"]
            msg = f"container:{self.image}: {what} ({self._engine} {arguments[0]}: {told[0][:200]})"
            raise PluginNotFoundError(msg)

    def _asked(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [self._engine, *arguments]
        return subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)

    def predict(self, image: Volume) -> Prediction:
        """Run the container on one image.

        Raises:
            PredictionFailedError: It ends with an error, or exceeds a limit.
            ContractError, DataError: As for `read_answer`.
        """
        name = f"ctbench-{secrets.token_hex(8)}"
        with exchange(image) as files, self._ended(name):
            output = files.output.parent
            if os.geteuid() == 0:
                shutil.chown(output, _NOBODY, _NOBODY)
            run_program(self.command(files.image.parent, output, name), self._limits, output, self.info.name)
            return files.answer(image, self.info)

    def command(self, inputs: Path, output: Path, name: str = "ctbench") -> list[str]:
        """Return the command line for one case; see `container_command`."""
        return container_command(
            self._engine,
            self.image,
            inputs,
            output,
            name=name,
            limits=self._limits,
            gpu=self._gpu,
            mounts=self._mounts,
            options=self._options,
        )

    @contextlib.contextmanager
    def _ended(self, name: str) -> Iterator[None]:
        """Kill the container if the case fails: the container would outlive the killed client of docker or podman."""
        try:
            yield
        except BaseException:
            if self._engine in {"docker", "podman"}:
                subprocess.run([self._engine, "kill", name], capture_output=True, check=False, timeout=60)
            raise


def container_command(
    engine: str,
    image: str,
    inputs: Path,
    output: Path,
    *,
    name: str,
    limits: Limits,
    gpu: bool = False,
    mounts: Sequence[Path] = (),
    options: Mapping[str, Any] | None = None,
) -> list[str]:
    """Build the command line that runs a container image on one case.

    Args:
        engine: One of ``ENGINES``.
        image: Container image.
        inputs: Folder that is mounted read-only as ``/in``.
        output: Folder that is mounted writable as ``/out``.
        name: Name of the container.
        limits: Limits of memory and processes; the caller watches time and the size of the output folder.
        gpu: Whether it may use the graphics cards.
        mounts: Further files and folders that it may read.
        options: Further arguments of the image.
    """
    build = _docker if engine in {"docker", "podman"} else _apptainer
    arguments = ["--in", "/in/image.nii.gz", "--out", "/out/prediction.nii.gz"]
    for key, value in (options or {}).items():
        arguments += [f"--{key}", str(value)]
    shown = [(inputs, Path("/in")), *((path.absolute(), path.absolute()) for path in mounts)]
    return [*build(engine, shown, output, name, limits, gpu=gpu), image, *arguments]


def _docker(
    engine: str, shown: Sequence[tuple[Path, Path]], output: Path, name: str, limits: Limits, *, gpu: bool
) -> list[str]:
    user = (_NOBODY, _NOBODY) if os.geteuid() == 0 else (os.getuid(), os.getgid())
    command = [engine, "run", "--rm", "--name", name, "--network", "none", "--read-only"]
    command += ["--user", f"{user[0]}:{user[1]}", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    command += ["--memory", str(limits.memory_bytes), "--memory-swap", str(limits.memory_bytes)]
    command += ["--pids-limit", str(limits.processes), "--ulimit", "core=0"]
    command += ["--ulimit", f"fsize={limits.written_bytes}", "--ulimit", f"cpu={int(limits.cpu_budget_seconds) or 1}"]
    command += ["--tmpfs", f"/tmp:rw,mode=1777,size={limits.written_bytes}", "--env", "HOME=/tmp"]  # noqa: S108  # inside
    for source, target in shown:
        command += ["--mount", f"type=bind,source={source},target={target},readonly"]
    command += ["--mount", f"type=bind,source={output},target=/out", "--log-driver", "none"]
    if engine == "podman":
        command += ["--userns", "keep-id", *(["--device", "nvidia.com/gpu=all"] if gpu else [])]
        return command
    return [*command, *(["--gpus", "all"] if gpu else [])]


def _apptainer(
    engine: str, shown: Sequence[tuple[Path, Path]], output: Path, name: str, limits: Limits, *, gpu: bool
) -> list[str]:
    # Its own limits need a delegated cgroup; as it is our child process, it is measured like any program.
    del name, limits
    command = [engine, "run", "--containall", "--cleanenv", "--no-home", "--net", "--network", "none", "--pwd", "/out"]
    for source, target in shown:
        command += ["--bind", f"{source}:{target}:ro"]
    return [*command, "--bind", f"{output}:/out", *(["--nv"] if gpu else [])]


def _chosen(engine: str | None, image: str) -> str:
    """Return ``engine``, or the first suitable one that is installed; if none is, the first suitable one."""
    if engine is not None and engine not in ENGINES:
        msg = f"expected engine {' or '.join(ENGINES)}, got {engine!r}"
        raise UsageError(msg)
    fitting = ENGINES[2:] if image.endswith(".sif") else ENGINES
    return engine or next(filter(shutil.which, fitting), fitting[0])
