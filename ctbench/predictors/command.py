"""`CommandPredictor`: a program in any language that reads an image file and writes a label map."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from ctbench.errors import UsageError
from ctbench.predictors.exchange import exchange
from ctbench.predictors.info import Labels, info_of_program
from ctbench.predictors.isolation import Limits, run_program
from ctbench.predictors.placeholders import filled, placeholders
from ctbench.predictors.predictor import Prediction
from ctbench.volume import Volume

__all__ = ["CommandPredictor", "program_name", "split_command"]

_INTERPRETER = re.compile(r"(python|pypy|bash|sh|zsh|Rscript|julia|java|node|perl|octave|env|uv|conda)[\d.]*")
_SCRIPTS = {".py", ".sh", ".R", ".jl", ".jar", ".js", ".pl", ".m"}


class CommandPredictor:
    """A predictor that runs a command for each case; it reads ``{image}`` and writes ``{output}``, both ``.nii.gz``.

    The command may also write ``score`` and ``findings`` to a ``.json`` file with the name of the output, and the
    probabilities of a label to a file of that name with ``_{label}.prob.nii.gz`` instead of ``.nii.gz``.

    Args:
        command: Command line, e.g. ``my_model --in {image} --out {output}``; it is not passed to a shell. ``{device}``
            and any other ``{name}`` is replaced by the option of that name.
        labels: Names of its codes, or the JSON form of its ``info``: a path or the content; None: ``labels.json`` in
            the folder ``here``.
        limits: Resource limits of a call.
        here: Folder in which the command runs and ``labels`` is found; None: the working folder.
        options: Values of the other placeholders.

    Raises:
        UsageError: ``{image}`` or ``{output}`` is not in the command, or options and placeholders differ.
        PluginNotFoundError: There is no ``labels.json``.

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
        wanted = placeholders(command) - {"image", "output"}
        if wanted != set(options):
            places, given = _listed(wanted), _listed(set(options))
            msg = f"the command has placeholders {places}, but the options are {given}: {command}"
            raise UsageError(msg)
        settings = {"command": command, **options}
        self.info = info_of_program(labels, self._here, name=program_name(self.words), parameters=settings)

    def predict(self, image: Volume) -> Prediction:
        """Run the command on one image.

        Raises:
            PredictionFailedError: It cannot be started, ends with an error, or exceeds a limit.
            ContractError, DataError: As for `read_answer`.
        """
        with exchange(image) as files:
            places = self._options | {"image": str(files.image), "output": str(files.output)}
            printed = run_program(filled(self.words, places), self._limits, files.outputs, self.info.name, self._here)
            return files.answer(image, self.info, printed=printed)


def split_command(command: str) -> list[str]:
    """Split a command into words, as a shell would.

    Raises:
        UsageError: A quote is not closed, or ``{image}`` or ``{output}`` is missing.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        msg = f"the command cannot be read ({error}): {command}"
        raise UsageError(msg) from error
    missing = {"image", "output"} - placeholders(command)
    if missing or not words:
        msg = f"expected a command with {{image}} and {{output}}, e.g. my_model {{image}} {{output}}; got {command!r}"
        raise UsageError(msg)
    return words


def program_name(words: Sequence[str]) -> str:
    """Return the name of the program that a command runs: of its script or module where it begins with an interpreter.

    Example:
        >>> program_name(["/opt/env/bin/python3", "-u", "scripts/segment.py", "{image}"]), program_name(["blast-ct"])
        ('segment', 'blast-ct')
    """
    program = Path(words[0]).name
    if _INTERPRETER.fullmatch(program):
        for before, word in pairwise(words):
            if before == "-m":
                return word
            if not word.startswith(("-", "{")) and Path(word).suffix in _SCRIPTS:
                return Path(word).stem
    return program


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
