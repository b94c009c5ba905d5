"""Steps in several processes, whose workers die with their parent and are replaced when they leak memory."""

from __future__ import annotations

import importlib
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ctbench.errors import UsageError

__all__ = ["in_parallel"]

_watched = False


def in_parallel(
    function: Callable[..., Any],
    steps: Iterable[tuple[Any, ...]],
    jobs: int,
    *,
    cluster: str = "",
    in_order: bool = False,
) -> Iterator[Any]:
    """Call ``function`` with each of ``steps``, and give the results as they come.

    A worker that has grown by 300 MB since its first step ends and is replaced: joblib sees to it.

    Args:
        function: of a module, so that workers find it.
        steps: its arguments.
        jobs: processes; -1: one a core; 1: this process.
        cluster: address of a Dask scheduler, whose workers are used instead; they must see the same folders.
        in_order: give the results in the order of the steps.

    Yields:
        what it returned, in any order unless ``in_order``.

    Raises:
        UsageError: a cluster is asked for, and Dask is not installed.
    """
    waiting = list(steps)
    if not waiting or (jobs == 1 and not cluster):
        yield from (function(*step) for step in waiting)
        return
    from joblib import Parallel, delayed  # it takes a while to import

    # Said of every worker that was replaced; where warnings are errors it would end the thread that replaces them.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs were given to the executor", UserWarning)
    with _workers(cluster):
        pool = Parallel(
            n_jobs=min(jobs, len(waiting)) if jobs > 0 else jobs,
            # What goes to another machine goes in batches that take a while, so that the scheduler keeps up.
            batch_size="auto" if cluster else 1,
            return_as="generator" if in_order else "generator_unordered",
        )
        yield from pool(delayed(_step)(os.getpid(), function, step) for step in waiting)


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


def _step(parent: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    _die_with(parent)
    return function(*arguments)


def _die_with(parent: int) -> None:
    """End this worker soon after its parent was killed: a run that goes on must be alone in its folder."""
    global _watched  # noqa: PLW0603  # it is the process that remembers
    if _watched or os.getppid() != parent:  # a worker of a cluster is no child of ours
        return
    _watched = True
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.05)
    os._exit(1)
