"""Predictors in any language: a command that reads an image's file and writes a label map's."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from ctbench.errors import ContractError, MissingFileError, PredictionFailedError, UsageError
from ctbench.predictors.answers import MAP_SUFFIX, read_answer
from ctbench.predictors.card import info_of, read_card, whole_card
from ctbench.predictors.isolation.limits import Limits
from ctbench.predictors.isolation.supervised import Supervised
from ctbench.predictors.isolation.workspace import remove_tree
from ctbench.predictors.predictor import Prediction, PredictorInfo
from ctbench.volume import Volume, write_volume

__all__ = ["CommandPredictor", "Exchange", "card_from", "exchange", "run_program"]

Labels = str | Mapping[str, Any] | None
"""A path of ``labels.json``, its content, or None for the ``labels.json`` of the working folder."""

_PLACE = re.compile(r"\{(\w+)\}")


class CommandPredictor:
    """Runs a command once a case: it reads ``{image}`` and writes ``{output}``, both ``.nii.gz``.

    Beside the output it may write the same name with ``.json``, with ``score`` and ``findings``.

    Args:
        command: e.g. ``my_model --in {image} --out {output}``; no shell reads it. ``{device}`` and any other
            ``{name}`` is filled by the option of that name.
        labels: names of its codes, or a whole card: a path, or the content; None: ``labels.json`` here.
        limits: what a call may use.
        here: where the command runs and ``labels`` are looked for; None: the working folder.
        options: what fills the other places.

    Raises:
        UsageError: ``{image}`` or ``{output}`` is not in the command, or options and places do not fit together.
        PluginNotFoundError: there is no ``labels.json``.

    Example:
        >>> predictor = CommandPredictor("my_model {image} {output} --cut {cut}", labels={"iph": 1}, cut=0.4)
        >>> predictor.info.name, predictor.info.labels.names
        ('my_model', ('iph',))
    """

    def __init__(
        self,
        command: str,
        labels: Labels = None,
        limits: Limits | None = None,
        here: Path | None = None,
        **options: Any,
    ) -> None:
        self.words = split_command(command)
        self._limits = limits or Limits()
        self._here = here or Path.cwd()
        self._options = {name: str(value) for name, value in options.items()}
        wanted = set(_PLACE.findall(command)) - {"image", "output"}
        if wanted != set(options):
            msg = f"the command has places {_listed(wanted)}, but the options are {_listed(set(options))}: {command}"
            raise UsageError(msg)
        settings = {"command": command, **options}
        self.info = card_from(labels, self._here, name=Path(self.words[0]).name, parameters=settings)

    def predict(self, image: Volume) -> Prediction:
        """Run the command on one image.

        Raises:
            PredictionFailedError: it cannot be started, ends with an error, or uses more than its limits.
            ContractError, DataError: as ``read_answer``.
        """
        with exchange(image) as files:
            places = self._options | {"image": str(files.image), "output": str(files.output)}
            command = [_PLACE.sub(lambda place: places[place[1]], word) for word in self.words]
            run_program(command, self._limits, files.output.parent, self.info.name, self._here)
            return files.answer(image, self.info)


class Exchange:
    """Where a program finds its image, and where it puts its prediction.

    Args:
        folder: is given the folders ``in`` and ``out``.
    """

    def __init__(self, folder: Path) -> None:
        self.image = folder / "in" / f"image{MAP_SUFFIX}"
        self.output = folder / "out" / f"prediction{MAP_SUFFIX}"

    def answer(self, image: Volume, info: PredictorInfo) -> Prediction:
        """Read what the program gave.

        Raises:
            ContractError, DataError: as ``read_answer``; no prediction at all is a broken contract, too.
        """
        try:
            return read_answer(self.output, image, info)
        except MissingFileError as error:
            msg = f"{info.name} ended well, but wrote no prediction: {error}"
            raise ContractError(msg) from error


@contextmanager
def exchange(image: Volume) -> Iterator[Exchange]:
    """Write ``image`` for a program, and clean up afterwards, whatever it left."""
    folder = Path(mkdtemp(prefix="ctbench-"))
    try:
        files = Exchange(folder)
        write_volume(image, files.image)
        files.output.parent.mkdir()
        yield files
    finally:
        remove_tree(folder)


def run_program(command: list[str], limits: Limits, output: Path, name: str, here: Path | None = None) -> None:
    """Run a program to its end, and end what it leaves running.

    Args:
        command: program and arguments.
        limits: what it may use.
        output: the folder that it writes to.
        name: of the predictor, for messages.
        here: where it runs; None: the working folder.

    Raises:
        PredictionFailedError: it cannot be started, passes a limit or ends with an error; a note has the end of what
            it printed.
    """
    process = None
    try:
        process = Supervised(command, limits, folder=here, writes_to=(output,))
        code = process.wait()
        if code:
            msg = (
                f"ended with exit code {code}: {process.printed.splitlines()[-1] if process.printed else 'no message'}"
            )
            raise PredictionFailedError(msg)
    except PredictionFailedError as error:
        failure = PredictionFailedError(f"{name} {error}")
        failure.add_note(process.printed if process else "")
        raise failure from error
    finally:
        if process is not None:
            process.stop()


def split_command(command: str) -> list[str]:
    """Split a command into words, as a shell would.

    Raises:
        UsageError: a quote is not closed, or ``{image}`` or ``{output}`` is missing.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        msg = f"the command cannot be read ({error}): {command}"
        raise UsageError(msg) from error
    missing = {"image", "output"} - set(_PLACE.findall(command))
    if missing or not words:
        msg = f"expected a command with {{image}} and {{output}}, e.g. my_model {{image}} {{output}}; got {command!r}"
        raise UsageError(msg)
    return words


def card_from(labels: Labels, here: Path, **defaults: Any) -> PredictorInfo:
    """Make the card of a predictor that cannot speak for itself.

    Args:
        labels: a path, what ``labels.json`` holds, or None for ``labels.json``.
        here: the folder in which a path begins.
        defaults: fields that the card may leave out.

    Raises:
        PluginNotFoundError, UsageError: as ``read_card``.
    """
    if isinstance(labels, Mapping):
        return info_of(whole_card(labels, "labels"), "labels", **defaults)
    path = here / (labels or "labels.json")
    return info_of(read_card(path), str(path), **defaults)


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
