"""The command line in this process, as a person meets it."""

import sys
from dataclasses import dataclass

import pytest

from ctbench.cli import main


@dataclass
class Result:
    """What a command left behind."""

    exit_code: int
    out: str
    err: str


@pytest.fixture
def ctbench(monkeypatch, capfd, tmp_path):
    """Run `ctbench ARGUMENTS...` in an empty folder."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["ctbench", *map(str, arguments)])
        capfd.readouterr()
        try:
            main()
            code = 0
        except SystemExit as error:
            code = error.code or 0
        captured = capfd.readouterr()
        return Result(code, captured.out, captured.err)

    return call
