"""The command line `ctbench`: one module a command, shared options in `options`, what is printed in `output`."""

from __future__ import annotations

from ctbench.cli.entry import main

__all__ = ["main"]
