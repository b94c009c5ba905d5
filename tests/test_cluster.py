import logging
import os
import signal
import sys
import time

import pytest

from ctbench import cluster as cluster_module
from ctbench.cluster import on_cluster
from ctbench.errors import UsageError, WorkerError
from ctbench.runs import run

dask = pytest.importorskip("dask", reason="Dask is not installed")
distributed = pytest.importorskip("distributed", reason="Dask is not installed")


def quick(number):
    """Return the number and the worker's process id, after a tenth of a second."""
    time.sleep(0.1)
    return number, os.getpid()


def deadly(number):
    """Kill the worker in one of the calls, whoever makes it."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return quick(number)


def angry(number):
    """Raise an error of the kind that waiting raises, too."""
    raise TimeoutError(str(number))


def start(workers):
    """Start a Dask cluster on this machine, whose workers have two threads each."""
    return distributed.LocalCluster(
        n_workers=workers, threads_per_worker=2, dashboard_address=":0", silence_logs=logging.CRITICAL
    )


@pytest.fixture(scope="module")
def cluster():
    """A Dask cluster of two workers, which are started anew when killed; it gives up work that has killed two."""
    with dask.config.set({"distributed.scheduler.allowed-failures": 1}), start(2) as local:
        yield local


@pytest.fixture
def impatient():
    """Connections to a scheduler are tried for a second, not for half a minute."""
    with dask.config.set({"distributed.comm.timeouts.connect": "1s"}):
        yield


STEPS = [(number,) for number in range(16)]


def test_a_killed_worker_costs_nothing(cluster):
    """One of two workers is killed in the middle: every call returns once, made again where it was lost."""
    found = []
    for result in on_cluster(cluster.scheduler_address, quick, STEPS):
        found.append(result)
        if len(found) == 2:
            os.kill(result[1], signal.SIGKILL)
    assert sorted(number for number, _ in found) == list(range(16))
    assert len({pid for _, pid in found}) >= 2


def test_work_that_kills_every_worker_ends_with_a_sentence(cluster):
    """Dask gives up after a number of workers; the error says what to do, instead of waiting for ever."""
    with pytest.raises(WorkerError, match=r"ended unexpectedly 2 times .* the same command continues from there"):
        list(on_cluster(cluster.scheduler_address, deadly, STEPS))


@pytest.mark.usefixtures("impatient")
def test_a_lost_scheduler_ends_with_a_sentence():
    """The results that came before it was lost are there."""
    with start(1) as lost:
        results = on_cluster(lost.scheduler_address, quick, [(number,) for number in range(200)])
        found = [next(results), next(results)]
        lost.sync(lost.scheduler.close)
        with pytest.raises(WorkerError, match=r"the connection to the Dask scheduler at tcp://.* was lost; complete"):
            found.extend(results)
    assert len(found) >= 2


def test_a_cluster_without_workers_ends_with_a_sentence(monkeypatch):
    """After a minute in which none came, or none came back."""
    monkeypatch.setattr(cluster_module, "_WORKERLESS_SECONDS", 0.5)
    monkeypatch.setattr(cluster_module, "_LOOK_SECONDS", 0.2)
    with (
        start(0) as local,
        pytest.raises(WorkerError, match=r"has had no workers for 0\.5 s; .*PYTHONSAFEPATH=1 dask worker"),
    ):
        list(on_cluster(local.scheduler_address, quick, STEPS))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "127.0.0.1:9", "nonsense", "pigeon://x:3"])
def test_an_address_at_which_nobody_answers(address):
    """A port on which nothing listens, and what is no address, are errors of the user."""
    with pytest.raises(UsageError, match=f"no Dask scheduler answers at {address}: .*dask scheduler"):
        list(on_cluster(address, quick, STEPS))


def test_errors_of_a_call_and_the_order_of_results(cluster):
    """An error of the function is raised as it is, and results may keep the order of the steps."""
    with pytest.raises(TimeoutError, match=r"^0$"):
        list(on_cluster(cluster.scheduler_address, angry, [(0,)]))
    found = on_cluster(cluster.scheduler_address, quick, STEPS, in_order=True)
    assert [number for number, _ in found] == list(range(16))


@pytest.mark.usefixtures("impatient")
def test_a_run_on_a_cluster_that_is_not_there_leaves_no_run(blobs, tmp_path):
    """The run ends with the sentence, and continues on this machine with the same bytes as one that was never there."""
    with pytest.raises(UsageError, match="no Dask scheduler answers"):
        run(blobs, "readers", tmp_path / "there", metrics=["dice"], cluster="tcp://127.0.0.1:9")
    for name in ("there", "here"):
        run(blobs, "readers", tmp_path / name, metrics=["dice"], jobs=1)
    there, here = ((tmp_path / name / "scores.parquet").read_bytes() for name in ("there", "here"))
    assert there == here


@pytest.mark.skipif(sys.platform == "win32", reason="kills with signals")
def test_a_run_goes_on_after_its_cluster_died(blobs, tmp_path, cluster):
    """Killed with all its workers, nothing that was complete is lost, and the bytes are those of an undisturbed run."""
    original = cluster_module.on_cluster

    def dying(address, function, steps, *, in_order=False):
        results = original(address, deadly_step if len(steps) > 1 else function, steps, in_order=in_order)
        yield from results

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ctbench.parallel.on_cluster", dying)
        with pytest.raises(WorkerError, match="ended unexpectedly 2 times"):
            run(blobs, "readers", tmp_path / "there", metrics=["dice"], cluster=cluster.scheduler_address)
    for name in ("there", "here"):
        run(blobs, "readers", tmp_path / name, metrics=["dice"], jobs=1)
    there, here = ((tmp_path / name / "scores.parquet").read_bytes() for name in ("there", "here"))
    assert there == here


def deadly_step(*_arguments):
    """Kill the worker."""
    os.kill(os.getpid(), signal.SIGKILL)
