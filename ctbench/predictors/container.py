"""Predictors as container images: one case, one container, no network, the image read-only beside an output folder."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ctbench.errors import PluginError, UsageError
from ctbench.predictors.command import Labels, card_from, exchange, run_program
from ctbench.predictors.isolation.limits import Limits
from ctbench.predictors.predictor import Prediction
from ctbench.volume import Volume

__all__ = ["ENGINES", "ContainerPredictor", "container_command"]

ENGINES = ("docker", "podman", "apptainer", "singularity")
"""In the order in which they are looked for."""

_NOBODY = 65534


class ContainerPredictor:
    """Runs a container image once a case, as ``IMAGE --in /in/image.nii.gz --out /out/prediction.nii.gz``.

    Beside the output it may write ``/out/prediction.json``, with ``score`` and ``findings``.

    Args:
        image: e.g. ``ghcr.io/group/model:1``, or a file ``model.sif``.
        labels: names of its codes, or a whole card: a path, or the content; None: ``labels.json`` here.
        engine: one of ``ENGINES``; None: the first that is installed.
        device: ``cuda...`` gives it the graphics cards; it is not told otherwise.
        limits: what a call may use.
        mounts: more files and folders that it may read, at their own paths.
        here: where ``labels`` are looked for; None: the working folder.
        options: more arguments of the image, as ``--name value``.

    Raises:
        UsageError: an engine of another name.
        PluginNotFoundError: there is no ``labels.json``.
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
        self.info = card_from(labels, here or Path.cwd(), name=name, parameters=settings)

    def expect_engine(self) -> None:
        """Raise ``PluginError`` unless the engine is installed; a command line can be built without it."""
        if shutil.which(self._engine) is None:
            msg = f"container:{self.image} needs one of {', '.join(ENGINES)}; {self._engine} is not installed here"
            raise PluginError(msg)

    def predict(self, image: Volume) -> Prediction:
        """Run the container on one image.

        Raises:
            PredictionFailedError: it ends with an error, or uses more than its limits.
            ContractError, DataError: as ``read_answer``.
        """
        name = f"ctbench-{secrets.token_hex(8)}"
        with exchange(image) as files, self._ended(name):
            output = files.output.parent
            if os.geteuid() == 0:
                shutil.chown(output, _NOBODY, _NOBODY)
            run_program(self.command(files.image.parent, output, name), self._limits, output, self.info.name)
            return files.answer(image, self.info)

    def command(self, inputs: Path, output: Path, name: str = "ctbench") -> list[str]:
        """Give the command line for one case; see ``container_command``."""
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
        """See to it that a container does not outlive its case: ending docker's client does not end what it started."""
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
        engine: one of ``ENGINES``.
        image: the image.
        inputs: the folder that it sees, read-only, as ``/in``.
        output: the folder that it may write to as ``/out``.
        name: of the container.
        limits: memory and processes; times are watched from outside, as is what the output folder holds.
        gpu: give it the graphics cards.
        mounts: more files and folders that it may read.
        options: more arguments of the image.
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
    # Its own limits need a delegated cgroup; it runs as our child, so that we can watch it as any program.
    del name, limits
    command = [engine, "run", "--containall", "--cleanenv", "--no-home", "--net", "--network", "none", "--pwd", "/out"]
    for source, target in shown:
        command += ["--bind", f"{source}:{target}:ro"]
    return [*command, "--bind", f"{output}:/out", *(["--nv"] if gpu else [])]


def _chosen(engine: str | None, image: str) -> str:
    """Give the engine that is asked for, or the first that is installed; where none is, the first that would do."""
    if engine is not None and engine not in ENGINES:
        msg = f"expected engine {' or '.join(ENGINES)}, got {engine!r}"
        raise UsageError(msg)
    fitting = ENGINES[2:] if image.endswith(".sif") else ENGINES
    return engine or next(filter(shutil.which, fitting), fitting[0])
