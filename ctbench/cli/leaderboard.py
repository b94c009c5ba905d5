"""`ctbench leaderboard`: serve the pages of a board to a browser."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from ctbench.cli.options import Catalog
from ctbench.cli.output import note
from ctbench.errors import MissingFileError, UsageError

__all__ = ["leaderboard"]

_DEMO = "demo"
_LOCAL = "localhost"


def leaderboard(
    board: Annotated[
        str, typer.Argument(metavar="BOARD", help="Folder of a board or of runs, or a URL for fsspec.")
    ] = _DEMO,
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, metavar="PORT", help="Port of the web server.")
    ] = 8501,
    host: Annotated[
        str,
        typer.Option("--host", metavar="ADDRESS", help="Address of the web server; 0.0.0.0: also for other machines."),
    ] = _LOCAL,
    catalog: Catalog = None,
    verified: Annotated[
        Path | None,
        typer.Option("--verified", metavar="FILE", help="What `ctbench board verify BOARD --record FILE` found."),
    ] = None,
) -> None:
    """Serve a board to the browser until Ctrl+C: rankings, comparisons, readers, cases, methods.

    Example: `ctbench leaderboard board --port 8501`
    """
    _expect_there(board)
    _expect_free(host, port)
    if verified is not None and not verified.is_file():
        msg = f"no record at {verified}; write it with `ctbench board verify {board} --record {verified}`"
        raise MissingFileError(msg)
    app, named = _app(), [f"--catalog={path.resolve()}" for path in catalog or ()]
    named += [f"--verified={verified.resolve()}"] if verified else []
    sys.argv = [str(app), board, *named]  # from which the pages read the board
    import_module("leaderboard.app").prepare()
    note(f"leaderboard of {board}: http://{host}:{port}  (Ctrl+C ends it)")
    # The note above replaces the welcome message, and the warning about options changed since prepare() is not needed.
    options = [f"--server.port={port}", f"--server.address={host}", "--logger.hideWelcomeMessage=true"]
    logging.getLogger("streamlit.config").addFilter(lambda record: "section was detected" not in record.getMessage())
    from streamlit.web.cli import main as streamlit

    with _own_settings(app.parent):
        streamlit(["run", str(app), *options, "--", board, *named], prog_name="streamlit", standalone_mode=False)


@contextmanager
def _own_settings(folder: Path) -> Iterator[None]:
    """Let Streamlit read the settings of ``folder`` where it would read those of the working folder.

    The working folder may be a stranger's, and its ``.streamlit/config.toml`` could switch off the protection against
    requests from other sites. Streamlit has no option that says where the file lies.
    """
    from streamlit import file_util

    name = "get_project_streamlit_file_path"
    before = getattr(file_util, name)
    setattr(file_util, name, lambda *parts: str(folder.joinpath(".streamlit", *parts)))
    try:
        yield
    finally:
        setattr(file_util, name, before)


def _app() -> Path:
    found = find_spec("leaderboard")
    if found is None or found.origin is None:
        msg = "the package leaderboard, which comes with ctbench, is not installed; install ctbench again"
        raise UsageError(msg)
    return Path(found.origin).with_name("app.py")


def _expect_there(board: str) -> None:
    """Refuse a folder that does not exist; what a URL leads to is seen when it is opened."""
    if "://" not in board and not Path(board).is_dir():
        other = "" if board != _DEMO else "; `ctbench demo` makes one"
        msg = f"there is no folder {board}; expected a board or a folder of runs{other}"
        raise MissingFileError(msg)


def _expect_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            msg = f"cannot serve at {host}:{port}: {error.strerror or error}; choose another with --port"
            raise UsageError(msg) from error
