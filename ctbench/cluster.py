"""Calls of a function on the workers of a Dask cluster.

joblib's backend for Dask is not used: it waits for ever once a worker has been killed by the same call four times.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Any

from ctbench.errors import UsageError, WorkerError
from ctbench.extras import import_extra

__all__ = ["on_cluster"]

_WORKERLESS_SECONDS = 60.0
"""Seconds for which a cluster may have no worker: those that are just started or replaced take their time."""

_LOOK_SECONDS = 2.0
"""Seconds without a result after which the workers are counted."""

_CONTINUES = "complete results are kept, and the same command continues from there"


def on_cluster(
    address: str, function: Callable[..., Any], steps: Sequence[tuple[Any, ...]], *, in_order: bool = False
) -> Generator[Any]:
    """Call ``function`` once per step on a cluster, and yield the results as they arrive.

    A call whose worker is killed is made again by another worker, up to Dask's ``allowed-failures`` (3) times.

    Args:
        address: Address of a Dask scheduler, e.g. ``tcp://host:8786``.
        function: A module-level function, which the workers import.
        steps: One tuple of positional arguments per call.
        in_order: Whether to yield the results in the order of the steps. Default False.

    Yields:
        The return value of each call.

    Raises:
        UsageError: Dask is not installed, or no scheduler answers at the address.
        WorkerError: The cluster lost its scheduler or all its workers, or several workers were killed by one call.
    """
    with _client(address) as client:
        arrived: SimpleQueue[Any] = SimpleQueue()
        waiting = [client.submit(function, *step, pure=False) for step in steps]
        for future in waiting:
            future.add_done_callback(arrived.put)
        workers = _Workers(client, address)
        try:
            for future in waiting if in_order else (_next(arrived, workers) for _ in waiting):
                yield _result(future, workers)
                future.release()  # the workers need not keep it any more
        finally:
            if client.status == "running":
                client.cancel(waiting)


@contextmanager
def _client(address: str) -> Iterator[Any]:
    distributed = import_extra("distributed", "a cluster")
    # It logs on standard error what is raised here, in other words.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        distributed.comm.get_address_host_port(address)  # a client for what is no address cannot be closed
        client = distributed.Client(address, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = str(error)  # the error itself holds a client, which is closed with it
    else:
        try:
            yield client
        finally:
            while client.status == "connecting":  # again, to a lost scheduler, until its time is over
                time.sleep(0.1)
            client.close()
        return
    msg = (
        f"no Dask scheduler answers at {address}: {reason}; start one with `dask scheduler`, or leave out the cluster "
        "to use this machine"
    )
    raise UsageError(msg)


class _Workers:
    """Raises where a cluster has had no worker for long.

    Args:
        client: The client of the cluster.
        address: Address of its scheduler, for the message.
    """

    def __init__(self, client: Any, address: str) -> None:
        self._client = client
        self.address = address
        self._last = time.monotonic()

    def expect_some(self) -> None:
        """Count the workers.

        Raises:
            WorkerError: There has been none for a minute.
        """
        with suppress(OSError):  # the scheduler is gone, which its calls say too
            if self._client.ncores():
                self._last = time.monotonic()
        if time.monotonic() - self._last > _WORKERLESS_SECONDS:
            msg = (
                f"the Dask scheduler at {self.address} has had no workers for {_WORKERLESS_SECONDS:g} s; {_CONTINUES}; "
                "start workers with `PYTHONSAFEPATH=1 dask worker`"
            )
            raise WorkerError(msg)


def _next(arrived: SimpleQueue[Any], workers: _Workers) -> Any:
    """Return the next call that has ended, however it did."""
    while True:
        try:
            return arrived.get(timeout=_LOOK_SECONDS)
        except Empty:
            workers.expect_some()


def _result(future: Any, workers: _Workers) -> Any:
    """Return what a call returned, or raise what it raised."""
    from distributed.scheduler import KilledWorker  # slow to import, and imported already

    while True:
        if future.status == "cancelled":
            msg = f"the connection to the Dask scheduler at {workers.address} was lost; {_CONTINUES}"
            raise WorkerError(msg)
        try:
            return future.result(timeout=_LOOK_SECONDS)
        except KilledWorker as error:
            msg = (
                f"workers of the cluster ended unexpectedly {error.allowed_failures + 1} times during the same work, "
                f"perhaps because memory ran out; {_CONTINUES}; use fewer threads or more memory for each worker"
            )
            raise WorkerError(msg) from error
        except TimeoutError:
            if future.status == "error":  # the call itself raised it
                raise
            workers.expect_some()  # the worker that held the result has gone: the call is made again
