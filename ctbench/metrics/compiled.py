"""Functions that numba compiles when they are first called."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from ctbench.errors import UsageError

__all__ = ["compiled"]

_NUMBA_FILE = Path(".numba_config.yaml")
"""Settings that numba reads from the working folder when it is imported."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile a function of arrays and numbers; the machine code is kept on disk for later processes.

    numba is imported with the first call, not with the module: it takes half a second, and most of what ctbench does
    needs none of it. The function may only call what numba compiles, so not another compiled function. Calls release
    the GIL.
    """

    @functools.cache
    def compile_it() -> Callable[..., Any]:
        if _NUMBA_FILE.exists():
            msg = (
                f"the working folder {Path.cwd()} holds {_NUMBA_FILE}, which can make numba run code from other files; "
                "remove it or work in another folder (environment variables NUMBA_... set the same)"
            )
            raise UsageError(msg)
        import numba

        return cast("Callable[..., Any]", numba.njit(cache=True, nogil=True)(function))

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        return compile_it()(*arguments)

    return cast("_Function", call)
