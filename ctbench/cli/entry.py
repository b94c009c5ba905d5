"""Entry point of the command line: errors and signals become one line and an exit code."""

from __future__ import annotations

import os
import sys

from ctbench.cli.ending import Stopped, stopped_by_signals, temporary_folder
from ctbench.errors import CtbenchError
from ctbench.extras import missing_extra

__all__ = ["main"]


def main() -> None:
    """Run the command line; a `CtbenchError` is printed as one line and becomes an exit code, without a traceback."""
    try:
        with stopped_by_signals(), temporary_folder():
            from ctbench.cli.app import app  # half a second, in which Ctrl-C may come, too

            app()
    except (CtbenchError, Stopped) as error:
        _end(error, error.exit_code)
    except ModuleNotFoundError as error:
        missing = missing_extra(error, "this command")
        if missing is None:
            raise
        _end(missing, missing.exit_code)
    except BrokenPipeError:
        # The reader of the output (`head`) has closed the pipe; without this Python would complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _end(message: object, exit_code: int) -> None:
    print("ctbench:", " ".join(str(message).split()), file=sys.stderr)
    sys.exit(exit_code)
