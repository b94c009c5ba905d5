"""Steps in several processes, whose workers die with their parent and are replaced when they leak memory."""

from __future__ import annotations

import importlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ctbench.errors import UsageError

__all__ = ["in_parallel"]

_LEAK_MIB = 2048
"""A worker that has grown by this much since its first step is taken to leak."""

_first_mib: float | None = None
_watched = False


def in_parallel(
    function: Callable[..., Any], steps: Iterable[tuple[Any, ...]], jobs: int, *, cluster: str = ""
) -> Iterator[Any]:
    """Call ``function`` with each of ``steps``, and give the results as they come.

    Args:
        function: of a module, so that workers find it.
        steps: its arguments.
        jobs: processes; -1: one a core; 1: this process.
        cluster: address of a Dask scheduler, whose workers are used instead; they must see the same folders.

    Yields:
        what it returned, in any order.

    Raises:
        UsageError: a cluster is asked for, and Dask is not installed.
    """
    waiting = deque(steps)
    if jobs == 1 and not cluster:
        yield from (function(*step) for step in waiting)
        return
    from joblib import Parallel, delayed  # it takes a while to import

    with _workers(cluster):
        while waiting:
            leaking = False

            def dispatch() -> Iterator[Any]:
                while waiting and not leaking:  # noqa: B023  # it is this turn's that must be seen
                    yield delayed(_step)(os.getpid(), function, waiting.popleft())

            wanted = min(jobs, len(waiting)) if jobs > 0 else jobs
            # What goes to another machine goes in batches that take a while, so that the scheduler keeps up.
            batch = "auto" if cluster else 1
            pool = Parallel(n_jobs=wanted, batch_size=batch, return_as="generator_unordered")
            for result, grown_mib in pool(dispatch()):
                leaking = leaking or grown_mib > _LEAK_MIB
                yield result
            if leaking and not cluster:
                _replace_workers()


@contextmanager
def _workers(cluster: str) -> Iterator[None]:
    """Let joblib use the workers of this machine, or those of a Dask cluster."""
    if not cluster:
        yield
        return
    try:
        client = importlib.import_module("distributed").Client
    except ImportError as error:
        msg = "a cluster needs Dask, which is not installed; run pip install 'ctbench[dask]'"
        raise UsageError(msg) from error
    from joblib import parallel_config

    # joblib's backend takes the client that was made last.
    with client(cluster), parallel_config(backend="dask", wait_for_workers_timeout=60):
        yield


def _step(parent: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, float]:
    global _first_mib  # noqa: PLW0603  # it is the process that remembers
    _die_with(parent)
    result = function(*arguments)
    now = _resident_mib()
    _first_mib = now if _first_mib is None else _first_mib
    return result, now - _first_mib


def _die_with(parent: int) -> None:
    """End this worker soon after its parent was killed: a run that goes on must be alone in its folder."""
    global _watched  # noqa: PLW0603  # as above
    if _watched or os.getppid() != parent:  # a worker of a cluster is no child of ours
        return
    _watched = True
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.05)
    os._exit(1)


def _resident_mib() -> float:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:  # not Linux: leaks are not seen
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _replace_workers() -> None:
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)
