"""`ContainerPredictor`: a container image that is run once for each case, without network."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from ctbench.errors import PredictionFailedError, UsageError
from ctbench.files import write_text
from ctbench.predictors.engines import NOBODY, chosen_engine, container_command, expect_image, kill_container
from ctbench.predictors.exchange import exchange
from ctbench.predictors.info import Labels, info_of_program
from ctbench.predictors.interfaces import interface_of
from ctbench.predictors.isolation import Limits, run_program
from ctbench.predictors.predictor import Prediction
from ctbench.volume import Volume

__all__ = ["ContainerPredictor"]

_ADVICE = {
    "Read-only file system": "it may write to its output folder and /tmp only: add -o writable=true",
    "Permission denied": "it does not run as the user that its image names: add -o user=image",
}


class ContainerPredictor:
    """A predictor that runs a container image for each case.

    By default it is called as ``IMAGE --in /in/image.nii.gz --out /out/prediction.nii.gz``; the options ``interface``,
    or ``in``, ``out`` and ``run``, describe another interface (see `interface_of`). A ``.json`` file beside the label
    map, with its name, may hold ``score`` and ``findings``.

    Args:
        image: Container image, e.g. ``ghcr.io/group/model:1``, or a file ``model.sif``.
        labels: Names of its codes, or the JSON form of its ``info``: a path or the content; None: ``labels.json`` in
            the folder ``here``.
        engine: One of ``ENGINES``; None: the first that is installed.
        device: ``cuda...`` lets it use the graphics cards; it is not passed to the container.
        user: ``image`` for the user that the image names; None: this user, or nobody for root.
        writable: Whether it may write to its own file system, which is removed after the case.
        limits: Resource limits of a call.
        mounts: Files and folders that it may read, and their paths in the container.
        environment: Environment variables of the container.
        here: Folder in which ``labels`` is found; None: the working folder.
        options: Options of the interface.

    Raises:
        UsageError: The engine, the interface or one of its options is unknown.
        PluginNotFoundError: There is no ``labels.json``.
    """

    def __init__(
        self,
        image: str,
        labels: Labels = None,
        engine: str | None = None,
        device: str | None = None,
        user: str | None = None,
        writable: bool = False,  # options of the command line are passed by name
        limits: Limits | None = None,
        mounts: Sequence[tuple[Path, PurePosixPath]] = (),
        environment: Sequence[tuple[str, str]] = (),
        here: Path | None = None,
        **options: Any,
    ) -> None:
        if user not in {None, "image"}:
            msg = f"expected user=image, the user that the image names, or no such option; got {user!r}"
            raise UsageError(msg)
        self.image = image
        self.interface = interface_of(options)
        self._engine = chosen_engine(engine, image)
        self._limits = limits or Limits()
        self._mounts = tuple((path.absolute(), inside) for path, inside in mounts)
        self._gpu = bool(device and device.startswith("cuda"))
        self._environment = tuple(environment)
        self._user, self._writable = user, bool(writable)
        name, settings = Path(image).name.partition(":")[0], {"image": image, **options}
        self.info = info_of_program(labels, here or Path.cwd(), name=name, parameters=settings)

    def expect_engine(self) -> None:
        """Check, before a case is scored, that the engine runs and has the image; docker and podman pull it if not.

        Raises:
            PluginNotFoundError: The engine is not installed or does not answer, or there is no such image.
        """
        expect_image(self._engine, self.image)

    def predict(self, image: Volume) -> Prediction:
        """Run the container on one image.

        Raises:
            PredictionFailedError: It ends with an error, or exceeds a limit.
            ContractError, DataError: As for `read_answer`; also if it wrote no label map, or several.
        """
        name, interface = f"ctbench-{secrets.token_hex(8)}", self.interface
        with exchange(image, str(interface.image)) as files, self._ended(name):
            for beside, text in interface.texts.items():
                write_text(files.inputs / beside, text)
            for path in (files.inputs, *files.inputs.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)
            if os.geteuid() == 0:
                shutil.chown(files.outputs, NOBODY, NOBODY)
            if self._user:
                files.outputs.chmod(0o777)
            command = self.command(files.inputs, files.outputs, name)
            # Podman's monitor leaves notes in its working folder. An image of apptainer may be a file named from here.
            here = files.inputs.parent if self._engine in ("docker", "podman") else None
            printed = run_program(command, self._limits, files.outputs, self.info.name, here)
            return files.answer(image, self.info, interface.answer, printed)

    def command(self, inputs: Path, outputs: Path, name: str = "ctbench") -> list[str]:
        """Return the command line for one case.

        Args:
            inputs: Folder of this machine with the image.
            outputs: Folder of this machine that the container writes to.
            name: Name of the container.
        """
        interface = self.interface
        return container_command(
            self._engine,
            self.image,
            interface.arguments,
            mounts=((inputs, interface.inputs), *self._mounts),
            output=(outputs, interface.outputs),
            name=name,
            limits=self._limits,
            gpu=self._gpu,
            user=self._user,
            writable=self._writable,
            environment=self._environment,
        )

    @contextlib.contextmanager
    def _ended(self, name: str) -> Iterator[None]:
        """Kill the container if the case fails, and add advice to the message."""
        try:
            yield
        except PredictionFailedError as error:
            kill_container(self._engine, name)
            told = "\n".join((str(error), *getattr(error, "__notes__", ())))
            if advice := next((what for text, what in _ADVICE.items() if text in told), ""):
                error.args = (f"{error}; {advice}",)
            raise
        except BaseException:
            kill_container(self._engine, name)
            raise
