"""Functions that numba compiles when they are first called."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

__all__ = ["compiled"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile a function of arrays and numbers; the machine code is kept on disk for later processes.

    numba is imported with the first call, not with the module: it takes half a second, and most of what ctbench does
    needs none of it. The function may only call what numba compiles, so not another compiled function. Calls let go
    of the interpreter lock.
    """

    @functools.cache
    def compile_it() -> Callable[..., Any]:
        import numba

        return cast("Callable[..., Any]", numba.njit(cache=True, nogil=True)(function))

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        return compile_it()(*arguments)

    return cast("_Function", call)
