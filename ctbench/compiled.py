"""Functions that numba compiles when they are first called."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any, Protocol, TypeVar, cast

from ctbench.errors import UsageError

__all__ = ["compiled"]

_NUMBA_FILE = Path(".numba_config.yaml")
"""Settings that numba reads from the working folder when it is imported."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


class _Compiled(Protocol):
    """What ``compiled`` returns: a function that knows its machine code."""

    machine_code: Callable[[], Callable[..., Any]]


def compiled(function: _Function) -> _Function:
    """Compile a function of arrays and numbers; the machine code is kept on disk for later processes.

    numba is imported with the first call, not with the module: it takes half a second, and most of what ctbench does
    needs none of it. The function may call what numba compiles, and other compiled functions of its module: numba looks
    for changes in this file only. Calls release the GIL.
    """

    @functools.cache
    def machine_code() -> Callable[..., Any]:
        if _NUMBA_FILE.exists():
            msg = (
                f"the working folder {Path.cwd()} holds {_NUMBA_FILE}, which can make numba run code from other files; "
                "remove it or work in another folder (environment variables NUMBA_... set the same)"
            )
            raise UsageError(msg)
        import numba

        known = {name: function.__globals__.get(name) for name in function.__code__.co_names}
        called = {name: cast("_Compiled", own).machine_code() for name, own in known.items() if _is_compiled(own)}
        plain = FunctionType(function.__code__, function.__globals__ | called, function.__name__)
        plain.__module__, plain.__qualname__ = function.__module__, function.__qualname__
        return cast("Callable[..., Any]", numba.njit(cache=True, nogil=True)(plain))

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        return machine_code()(*arguments)

    cast("_Compiled", call).machine_code = machine_code
    return cast("_Function", call)


def _is_compiled(found: object) -> bool:
    return hasattr(found, "machine_code")
