"""Parallel calls of a function in worker processes (joblib) or on a Dask cluster."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

from ctbench.cluster import on_cluster
from ctbench.errors import WorkerError
from ctbench.notices import Notice, collected_notices, log_own_warnings, warn_once

__all__ = ["in_parallel"]

_watched = False

_THREADS, _ITK_THREADS = "OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"
"""Environment variables of the number of threads: joblib sets the first for its workers, SimpleITK reads the second."""

_SAFE_PATH = "PYTHONSAFEPATH"
"""Environment variable that keeps the working folder off the import path of an interpreter that starts."""


def in_parallel(
    function: Callable[..., Any],
    steps: Iterable[tuple[Any, ...]],
    jobs: int,
    *,
    cluster: str = "",
    in_order: bool = False,
) -> Iterator[Any]:
    """Call ``function`` once per step and yield the results as they arrive.

    Workers exit when this process dies. joblib replaces a worker whose memory has grown by 300 MB. Workers never import
    from the working folder while they start: a stranger's ``numpy.py`` may lie there. Each has an equal share of the
    cores as threads of BLAS, torch, numba and SimpleITK, and so has what it starts; a variable of the environment that
    is set (``OMP_NUM_THREADS``) counts instead.

    Args:
        function: A module-level function, so that workers can import it.
        steps: One tuple of positional arguments per call.
        jobs: Number of worker processes; -1 uses all cores, 1 calls the function in this process.
        cluster: Address of a Dask scheduler whose workers are used instead; they must see the same folders. Empty
            (default): this machine.
        in_order: Whether to yield the results in the order of the steps. Default False.

    Yields:
        The return value of each call.

    Raises:
        UsageError: A cluster is given, and Dask is not installed or no scheduler answers.
        WorkerError: A worker was killed; of a cluster, several by the same call, or the scheduler or all workers.
    """
    waiting = list(steps)
    if not waiting or (jobs == 1 and not cluster):
        yield from (function(*step) for step in waiting)
        return
    with _safe_path() as before:
        start = _Start(os.getpid(), before, tempfile.tempdir)
        calls = [(start, function, step) for step in waiting]
        if cluster:
            outcomes = on_cluster(cluster, _step, calls, in_order=in_order)
        else:
            outcomes = _in_processes(calls, jobs, in_order=in_order)
        with closing(outcomes):
            for result, notices in outcomes:
                for message, about in notices:
                    warn_once(message, about)
                yield result


def _in_processes(calls: list[tuple[Any, ...]], jobs: int, *, in_order: bool) -> Generator[Any]:
    """Yield what `_step` returns for each call, made in worker processes of joblib."""
    from concurrent.futures.process import BrokenProcessPool  # as joblib, not needed in one process

    from joblib import Parallel, delayed  # slow to import

    # Raised for every replaced worker; if warnings are errors, it would end the thread that replaces them.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs were given to the executor", UserWarning)
    # Raised where a signal ends the command: the user knows.
    warnings.filterwarnings("ignore", r"\d+ tasks (have been successfully|which were still being)", UserWarning)
    pool = Parallel(
        n_jobs=min(jobs, len(calls)) if jobs > 0 else jobs,
        batch_size=1,
        return_as="generator" if in_order else "generator_unordered",
    )
    try:
        with _interrupts_blocked():
            results = pool(delayed(_step)(*call) for call in calls)
        with closing(results):
            yield from results
    except BrokenProcessPool as error:
        msg = (
            "a worker process ended unexpectedly, perhaps because memory ran out; complete results are kept, and "
            "the same command continues from there; use fewer processes (-j) if it happens again"
        )
        raise WorkerError(msg) from error


@contextmanager
def _safe_path() -> Iterator[str | None]:
    """Set ``PYTHONSAFEPATH`` for the interpreters that are started inside the block; yield its value outside of it.

    joblib starts ``python -m`` and ``python -c``, which put the working folder first on their import path. It starts
    them at any time inside the block, with the environment variables of this process. Blocks may overlap.
    """
    with _Blocks.lock:
        if not _Blocks.count:
            _Blocks.before = os.environ.get(_SAFE_PATH)
            os.environ[_SAFE_PATH] = "1"
        _Blocks.count += 1
        before = _Blocks.before
    try:
        yield before
    finally:
        with _Blocks.lock:
            _Blocks.count -= 1
            if not _Blocks.count:
                _set_safe_path(before)


class _Blocks:
    """The blocks of `_safe_path` that are open in this process."""

    lock = threading.Lock()
    count = 0
    before: str | None = None


def _set_safe_path(value: str | None) -> None:
    if value is None:
        os.environ.pop(_SAFE_PATH, None)
    else:
        os.environ[_SAFE_PATH] = value


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block Ctrl-C in this thread, and so in all threads and workers that are started inside the block.

    A terminal sends Ctrl-C to every process; only the main process answers it, and then ends the workers.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # its start unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Start(NamedTuple):
    """What a worker takes over from the process that started it: id, ``PYTHONSAFEPATH``, folder of temporary files."""

    parent: int
    safe_path: str | None
    temporary: str | None


def _step(start: _Start, function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, list[Notice]]:
    """Return the function's value and the warnings that the process which waits for it has to log."""
    if _is_worker_of(start.parent):
        tempfile.tempdir = start.temporary
        if _die_with(start.parent):
            log_own_warnings()
            if _THREADS in os.environ:
                os.environ.setdefault(_ITK_THREADS, os.environ[_THREADS])
            _set_safe_path(start.safe_path)  # a trusted command that the worker runs has the user's environment
            _ignore_interrupts()
    with collected_notices() as notices:
        result = function(*arguments)
    return result, notices


def _ignore_interrupts() -> None:
    """Make this worker ignore Ctrl-C; programs that it starts do not inherit that."""
    if threading.current_thread() is threading.main_thread():  # Dask calls steps in other threads
        signal.signal(signal.SIGINT, lambda _number, _frame: None)
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _is_worker_of(parent: int) -> bool:
    return os.getppid() == parent  # a cluster's worker is not our child


def _die_with(parent: int) -> bool:
    """Exit this worker soon after its parent was killed: a resumed run must be the only process in its folder.

    Returns:
        Whether this is the worker's first step.
    """
    global _watched  # noqa: PLW0603  # one watching thread per process
    if _watched:
        return False
    _watched = True
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    return True


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.05)
    os._exit(1)
