"""``python -m ctbench``: the same as the command `ctbench`."""

from __future__ import annotations

from ctbench.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    main()
