import os
import sys
import time

import joblib
import pytest
import SimpleITK

from ctbench.errors import UsageError
from ctbench.parallel import in_parallel
from ctbench.runs import run


def square(number):
    """What workers are asked."""
    return number * number, os.getpid()


_held = []


def leak(_number):
    """Hold 200 MB more with each call; joblib looks at a worker once a second."""
    time.sleep(0.6)
    _held.append(bytearray(b"x") * (200 * 10**6))
    return os.getpid()


@pytest.mark.parametrize("jobs", [1, 2])
def test_all_results_come(jobs):
    """In this process or in two others, in any order."""
    found = list(in_parallel(square, [(number,) for number in range(20)], jobs))
    assert sorted(number for number, _ in found) == [number * number for number in range(20)]
    assert (os.getpid() in {pid for _, pid in found}) == (jobs == 1)


def test_as_many_processes_as_cores(monkeypatch):
    """-1 stands for all cores; where there is one, no process is started."""
    steps = [(number,) for number in range(4)]
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert {pid for _, pid in in_parallel(square, steps, -1)} == {os.getpid()}
    monkeypatch.delenv("LOKY_MAX_CPU_COUNT")
    assert (os.getpid() in {pid for _, pid in in_parallel(square, steps, -1)}) == (joblib.cpu_count() == 1)


def test_no_steps_start_nothing():
    """An empty phase costs nothing."""
    assert list(in_parallel(square, [], 4)) == []


@pytest.mark.filterwarnings("error")
def test_workers_that_leak_are_replaced():
    """A worker that grew beyond the bound is not given more work; every step is done once, and nobody is warned."""
    pids = list(in_parallel(leak, [(number,) for number in range(12)], 2))
    assert len(pids) == 12
    assert len(set(pids)) > 2


THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def threads(_number):
    """The threads that BLAS and torch, numba, and SimpleITK have in this process."""
    time.sleep(0.2)  # so that both workers are asked
    return {
        *(int(os.environ[name]) for name in THREADS),
        SimpleITK.ProcessObject.GetGlobalDefaultNumberOfThreads(),
    }


def test_workers_share_the_cores(monkeypatch):
    """Each has cores / jobs threads, in SimpleITK too."""
    for name in (*THREADS, "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "LOKY_MAX_CPU_COUNT"):
        monkeypatch.delenv(name, raising=False)
    found = set.union(*in_parallel(threads, [(0,), (1,)], 2))
    assert found == {max(1, joblib.cpu_count() // 2)}


def test_results_may_keep_the_order_of_the_steps():
    """For those who write a table as they come."""
    assert [number for number, _ in in_parallel(square, [(n,) for n in range(9)], 2, in_order=True)] == [
        number * number for number in range(9)
    ]


def test_an_error_of_a_worker_is_an_error_here():
    """It keeps its class."""
    with pytest.raises(TypeError):
        list(in_parallel(square, [("x",), (2,)], 2))


def test_a_cluster_needs_dask(monkeypatch):
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"run in the repository: pip install '\.\[dask\]'"):
        list(in_parallel(square, [(1,)], 1, cluster="tcp://localhost:8786"))


@pytest.fixture(scope="module")
def cluster():
    """The address of a Dask cluster of two workers on this machine; no port is fixed, the dashboard's neither."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as local:
        yield local.scheduler_address


def test_a_cluster_does_the_same_work(cluster):
    """Two workers of a Dask cluster in place of two processes."""
    found = list(in_parallel(square, [(n,) for n in range(20)], -1, cluster=cluster))
    assert sorted(number for number, _ in found) == [number * number for number in range(20)]


@pytest.mark.slow
def test_a_run_on_a_cluster_has_the_same_bytes(cluster, blobs, tmp_path):
    """Readers scored by two workers of a Dask cluster, and in this process."""
    here = run(blobs, "readers", tmp_path / "here", metrics=["dice"], jobs=1)
    there = run(blobs, "readers", tmp_path / "there", metrics=["dice"], cluster=cluster)
    assert there.manifest == here.manifest
    assert (tmp_path / "there" / "scores.parquet").read_bytes() == (tmp_path / "here" / "scores.parquet").read_bytes()
