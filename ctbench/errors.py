"""Exceptions of ctbench, as a tree.

::

    CtbenchError
    |-- DataError (ValueError)                 the user's images, label maps and datasets
    |   |-- GeometryError                      two grids that should be equal
    |   |-- LabelError                         a label map with other values than the codes of its label set
    |   |-- VolumeFileError                    a file that cannot be read as a volume
    |   |-- MissingFileError (FileNotFoundError)
    |   `-- DatasetError                       a catalogue entry, a case table, an unknown dataset
    |-- UsageError (ValueError)                arguments that do not fit together
    |-- StoreError                             a run folder
    |   |-- SchemaVersionError                 written by another version
    |   `-- IncompleteRunError                 never finished
    |-- WorkerError                            a worker process that was killed
    `-- PluginError                            a predictor
        |-- PluginNotFoundError (LookupError)
        |-- ContractError                      returned something other than a valid prediction
        `-- PredictionFailedError              raised an exception while predicting

A message says what is wrong and where, what was expected, what was found, and what to do. The command line prints it on
one line and exits with the class's ``exit_code``: 2 for an error in the user's input, 1 for one in the code of ctbench
or of a plugin.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING

from ctbench.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ContractError",
    "CtbenchError",
    "DataError",
    "DatasetError",
    "GeometryError",
    "IncompleteRunError",
    "LabelError",
    "MissingFileError",
    "PluginError",
    "PluginNotFoundError",
    "PredictionFailedError",
    "SchemaVersionError",
    "StoreError",
    "UsageError",
    "VolumeFileError",
    "WorkerError",
]


class CtbenchError(Exception):
    """Base class of all exceptions of ctbench; ``str`` returns the message on one line.

    Attributes:
        refused: Name -> content of each file of a predictor's output that was refused, for its author to look at.
    """

    exit_code = 2
    refused: Mapping[str, bytes] = types.MappingProxyType({})

    def __str__(self) -> str:
        """Return the message on one line, without additions of the built-in base classes.

        Messages may quote file names and headers, so line ends become spaces and other unprintable characters are
        escaped: no control sequence reaches the terminal.
        """
        text = " ".join(line.strip() for line in str(self.args[0]).splitlines()) if self.args else ""
        return printable(text)


class DataError(CtbenchError, ValueError):
    """The user's data cannot be scored."""


class GeometryError(DataError):
    """Two arrays that must have the same grid do not; the message shows both geometries."""


class LabelError(DataError):
    """A label map holds non-integer values, or codes that are not in its label set."""


class VolumeFileError(DataError):
    """A file cannot be read as a three-dimensional volume."""


class MissingFileError(DataError, FileNotFoundError):
    """A file named by a dataset or a command does not exist."""


class DatasetError(DataError):
    """A catalogue entry or a case table is invalid, or no dataset has that name."""


class UsageError(CtbenchError, ValueError):
    """An argument is invalid, or arguments contradict each other."""


class StoreError(CtbenchError):
    """A run folder cannot be read or written."""


class SchemaVersionError(StoreError):
    """A run folder was written by a version of ctbench whose files this version cannot read."""


class IncompleteRunError(StoreError):
    """A run folder has no ``run.json``: its run did not finish."""


class WorkerError(CtbenchError):
    """A worker process ended before its work was done, e.g. because it was killed."""

    exit_code = 1


class PluginError(CtbenchError):
    """An error in a predictor."""

    exit_code = 1


class PluginNotFoundError(PluginError, LookupError):
    """No predictor has that name."""

    exit_code = 2


class ContractError(PluginError):
    """A predictor returned something other than a prediction on the image's grid."""

    exit_code = 2


class PredictionFailedError(PluginError):
    """A predictor raised an exception while predicting; the message names the case and the exception."""
