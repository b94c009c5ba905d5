"""The command line: thin commands over the floors below."""

from __future__ import annotations

from ctbench.cli.app import main

__all__ = ["main"]
