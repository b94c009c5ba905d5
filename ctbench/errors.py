"""Everything that ctbench raises on purpose.

    CtbenchError
    |-- DataError (ValueError)                 the user's images, label maps and datasets
    |   |-- GeometryError                      two grids that should be one
    |   |-- LabelError                         a label map that is not integers of its label set
    |   |-- VolumeFileError                    a file that cannot be read as a volume
    |   |-- MissingFileError (FileNotFoundError)
    |   `-- DatasetError                       a catalogue entry, a case table, an unknown dataset
    |-- UsageError (ValueError)                arguments that do not fit together
    |-- StoreError                             a run folder
    |   |-- SchemaVersionError                 written by another version
    |   `-- IncompleteRunError                 never finished
    `-- PluginError                            a predictor
        |-- PluginNotFoundError (LookupError)
        |-- ContractError                      returned something that is no prediction
        `-- PredictionFailedError              raised while it predicted

A message says what, where, what was expected, what came, and what to do. The command line prints it in one line and
exits with the class's ``exit_code``: 2 where the user's input is at fault, 1 where ours or a plugin's code is.
"""

from __future__ import annotations

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
]


class CtbenchError(Exception):
    """Base of all errors that ctbench raises on purpose; as text, its message on one line."""

    exit_code = 2

    def __str__(self) -> str:
        """Give the message, without what the built-in parents would add, as one line.

        Names of files and contents of headers stand in messages: line ends become spaces, and other characters that
        cannot be printed are escaped, so that nothing that was read can play with the terminal.
        """
        text = " ".join(line.strip() for line in str(self.args[0]).splitlines()) if self.args else ""
        return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


class DataError(CtbenchError, ValueError):
    """The user's data cannot be scored as it is."""


class GeometryError(DataError):
    """Two arrays that must lie on one grid do not; the message shows both geometries."""


class LabelError(DataError):
    """A label map is not made of integers, or holds codes that its label set does not know."""


class VolumeFileError(DataError):
    """A file cannot be read as a three-dimensional volume."""


class MissingFileError(DataError, FileNotFoundError):
    """A file that a dataset or a command names is not there."""


class DatasetError(DataError):
    """A catalogue entry or a case table is wrong, or no dataset has that name."""


class UsageError(CtbenchError, ValueError):
    """Arguments that are each fine but do not fit together."""


class StoreError(CtbenchError):
    """A run folder cannot be read or written."""


class SchemaVersionError(StoreError):
    """A run folder was written by a version whose files this one cannot read."""


class IncompleteRunError(StoreError):
    """A run folder has no ``run.json``: its run never finished."""


class PluginError(CtbenchError):
    """A predictor is at fault."""

    exit_code = 1


class PluginNotFoundError(PluginError, LookupError):
    """No predictor has that name."""

    exit_code = 2


class ContractError(PluginError):
    """A predictor returned something that is not a prediction on the image's grid."""

    exit_code = 2


class PredictionFailedError(PluginError):
    """A predictor raised while it predicted; the message names the case and the exception."""
