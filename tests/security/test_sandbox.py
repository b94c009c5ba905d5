"""What a predictor in the sandbox finds of system calls, keys, hidden memory, disks and time between cases."""

import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ctbench.errors import PredictionFailedError
from ctbench.predictors import IsolatedPredictor, Isolation, Limits
from ctbench.predictors.isolation import inside, sandbox, session, system_calls
from ctbench.volume import Volume

PROBE = """
import ctypes, errno, json, mmap, os, socket, subprocess, sys, tempfile, threading, time
from pathlib import Path
import numpy as np
import ctbench

LIBC = ctypes.CDLL(None, use_errno=True)


def call(number, *arguments):
    ctypes.set_errno(0)
    result = LIBC.syscall(number, *arguments)
    return "" if result >= 0 else errno.errorcode[ctypes.get_errno()]


def attempt(function, *arguments):
    try:
        function(*arguments)
        return ""
    except OSError as error:
        return errno.errorcode[error.errno]


class Probe:
    def __init__(self, code="", device="cpu"):
        self.code = code
        self.kept = []
        labels = ctbench.LabelSet({"iph" if number == 1 else f"b{number}": number for number in range(1, 256)})
        self.info = ctbench.PredictorInfo(name="probe", version="1", labels=labels)

    def predict(self, image):
        found = {}
        exec(self.code, {**globals(), "self": self, "found": found})
        labels = np.zeros(image.shape, np.uint8)
        text = json.dumps(found).encode()
        labels.reshape(-1)[: len(text)] = list(text)
        return ctbench.Prediction(labels, score=0.5)
"""
IMAGE = Volume(np.zeros((3, 64, 64), np.int16), (5.0, 1.0, 1.0))


def found_by(predictor):
    """What the code found that a predictor ran: it comes back as the codes of a label map."""
    return json.loads(predictor.predict(IMAGE).labels.tobytes().rstrip(b"\0"))


@pytest.fixture
def probe(stranger, monkeypatch):
    """Run code in the sandbox; return the predictor, and what the code found."""
    (stranger.folder / "probing.py").write_text(PROBE)
    monkeypatch.chdir(stranger.folder)
    made = []

    def call(code, limits=None, **options):
        isolation = Isolation(limits=limits or Limits(seconds=60), unsandboxed=True)
        made.append(IsolatedPredictor("probing:Probe", {"code": code, **options}, isolation))
        return made[-1], found_by(made[-1])

    yield call
    for predictor in made:
        predictor.stop()


X86 = os.uname().machine == "x86_64"
CALLS = {
    "unshare a user namespace": "call({unshare}, 0x10000000)",
    "clone into a user namespace": "call({clone}, 0x10000000 | 17, 0, 0, 0, 0)",
    "read a keyring": "call({keyctl}, 0, -3, 0)",
    "ask for a key": "call({request_key}, b'user', b'x', 0, 0)",
    "make a shared segment": "call({shmget}, 0, 4096, 0o1600)",
    "make a memory file": "call({memfd_create}, b'x', 0)",
    "load a BPF program": "call({bpf}, 0, 0, 0)",
    "set up io_uring": "call({io_uring_setup}, 1, 0)",
    "trace a process": "call({ptrace}, 16, os.getppid(), 0, 0)",
    "read another process": "call({process_vm_readv}, os.getppid(), 0, 0, 0, 0, 0)",
    "watch page faults": "call({userfaultfd}, 1)",
    "measure the kernel": "call({perf_event_open}, 0, 0, -1, -1, 0)",
    "open by handle": "call({open_by_handle_at}, -100, 0, 0)",
    "mount": "call({mount}, b'x', b'/tmp', b'tmpfs', 0, 0)",
    "talk to the hypervisor": "attempt(socket.socket, 40, socket.SOCK_STREAM)",
    "talk to the kernel's ciphers": "attempt(socket.socket, 38, socket.SOCK_SEQPACKET)",
    "send packets": "attempt(socket.socket, socket.AF_PACKET, socket.SOCK_RAW)",
    "talk to netfilter": "attempt(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, 12)",
    "bluetooth": "attempt(socket.socket, 31, socket.SOCK_RAW)",
}
NUMBERS = {**system_calls._FORBIDDEN, **system_calls._ABSENT, "clone": system_calls._CLONE}
USEFUL = {
    "threads": "threading.Thread(target=int).start() or ''",
    "processes": "'' if subprocess.run(['true']).returncode == 0 else 'failed'",
    "pairs": "attempt(socket.socketpair)",
    "loopback": "attempt(socket.create_server, ('127.0.0.1', 0))",
    "interfaces": "attempt(socket.if_nameindex)",
    "unix": "attempt(socket.socket, socket.AF_UNIX)",
    "scratch": "attempt(tempfile.TemporaryFile)",
    "locks between processes": "attempt(__import__('multiprocessing').Lock)",
}


@pytest.fixture(scope="module")
def numbers():
    """The numbers of the calls on this machine."""
    if system_calls.program() is None:
        pytest.skip("the filter does not know this machine")
    return {name: pair[0 if X86 else 1] for name, pair in NUMBERS.items()}


@pytest.mark.parametrize("bare", [False, True], ids=["bubblewrap", "none"])
def test_system_calls_that_no_model_needs_are_refused(probe, numbers, monkeypatch, bare):
    """Each fails as if it were forbidden or unknown, with bubblewrap and without it; what models need goes on."""
    if bare:
        monkeypatch.setattr(sandbox, "_problem", lambda: "bubblewrap is not installed")
    elif not sandbox.is_sandboxed():
        pytest.skip("; ".join(sandbox.missing_protections()))
    attempts = {name: code.format(**numbers) for name, code in CALLS.items()} | USEFUL
    code = "".join(f"found[{name!r}] = {attempt}\n" for name, attempt in attempts.items())
    _, found = probe(code)
    assert {name: found[name] for name in USEFUL} == dict.fromkeys(USEFUL, "")
    allowed = {"EPERM", "ENOSYS", "EAFNOSUPPORT"}
    assert {name: found[name] for name in CALLS if found[name] not in allowed} == {}


def test_a_machine_that_the_filter_does_not_know(monkeypatch):
    """Has none, and the log of a run says so."""
    monkeypatch.setattr(sandbox, "program", lambda: None)
    monkeypatch.setattr(sandbox, "_kind", lambda: "root")
    monkeypatch.setattr(sandbox, "_features", lambda: "--size")
    (sentence,) = sandbox.missing_protections()
    assert "system calls are not filtered" in sentence


def test_keys_of_the_session_are_not_there(probe, tmp_path):
    """A key that the user's session holds is not found by a predictor, and not listed where ctbench runs as root."""
    libc = ctypes.CDLL(None, use_errno=True)
    add_key = {"x86_64": 248, "aarch64": 217}.get(os.uname().machine)
    libc.syscall.restype = ctypes.c_long
    if add_key is None or libc.syscall(add_key, b"user", b"ctbench-test", b"secret", 6, -3) < 0:
        pytest.skip("this kernel has no keyrings")
    assert "ctbench-test" in Path("/proc/keys").read_text()
    _, found = probe("found['keys'] = 'ctbench-test' in Path('/proc/keys').read_text()")
    # An ordinary user keeps their id in the sandbox, to whom names of keys are listed; their content cannot be read.
    assert found == {"keys": sandbox._kind() != "root"}
    search = (
        "import ctypes, os; number = {'x86_64': 250, 'aarch64': 219}[os.uname().machine]; "
        "print(ctypes.CDLL(None).syscall(number, 10, -3, b'user', b'ctbench-test', 0) > 0)"
    )
    fresh = "from ctbench.predictors.isolation import launch as l; import sys; l.program = lambda **_: None; l.launch"
    for start, found in ((search, "True\n"), (f"{fresh}([sys.executable, '-c', {search!r}])", "False\n")):
        done = subprocess.run([sys.executable, "-P", "-c", start], capture_output=True, text=True, check=True)
        assert done.stdout == found


@pytest.mark.usefixtures("needs_bubblewrap")
def test_no_folder_of_the_disk_can_be_written(probe):
    """Every file system that a predictor can write to lies in memory and has a size."""
    code = (
        "for line in open('/proc/mounts'):\n"
        "    _, folder, kind, options, *_ = line.split()\n"
        "    if not attempt(lambda: os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR))):\n"
        "        found[folder] = [kind, 'size=' in options]\n"
    )
    _, found = probe(code)
    assert found == {"/tmp": ["tmpfs", True], "/dev/shm": ["tmpfs", True]}  # noqa: S108


@pytest.mark.usefixtures("needs_bubblewrap")
@pytest.mark.parametrize(
    "code",
    [
        "while True:\n  self.kept.append(tempfile.TemporaryFile())\n  self.kept[-1].write(bytes(2**20))",
        "[open(f'/tmp/{n}', 'w').close() for n in range(100_000)]",
        "[os.mkdir(f'/dev/shm/{n}') for n in range(100_000)]\ntime.sleep(20)",
    ],
    ids=["deleted files that are open", "empty files", "folders in shared memory"],
)
def test_scratch_is_bounded_whatever_holds_it(probe, code):
    """Deleted files count, and so does the number of files."""
    with pytest.raises(PredictionFailedError, match=r"No space left|wrote more than 0\.1 GiB"):
        probe(code, Limits(seconds=60, written_gb=0.1))


def test_deleted_files_that_are_open_count_without_a_sandbox(probe, monkeypatch):
    """On the disk of a machine without bubblewrap, too."""
    monkeypatch.setattr(sandbox, "_problem", lambda: "bubblewrap is not installed")
    code = (
        "for n in range(40):\n"
        "    self.kept.append(tempfile.TemporaryFile(buffering=0))\n"
        "    self.kept[-1].write(bytes(2**23))\n"
        "time.sleep(20)"
    )
    with pytest.raises(PredictionFailedError, match=r"wrote more than 0\.1 GiB"):
        probe(code, Limits(seconds=60, written_gb=0.1))


@pytest.mark.parametrize("bare", [False, True], ids=["bubblewrap", "none"])
def test_graphics_cards_have_memory_files_and_nothing_else(probe, numbers, monkeypatch, bare):
    """With ``device`` cuda a predictor may call ``memfd_create``, which the driver needs; all else stays refused."""
    if bare:
        monkeypatch.setattr(sandbox, "_problem", lambda: "bubblewrap is not installed")
    attempts = {name: code.format(**numbers) for name, code in CALLS.items()}
    _, found = probe("".join(f"found[{name!r}] = {code}\n" for name, code in attempts.items()), device="cuda:0")
    assert {name for name in CALLS if found[name] not in {"EPERM", "ENOSYS", "EAFNOSUPPORT"}} == {"make a memory file"}
    assert found["make a memory file"] == ""


HIDDEN = {
    "files": "f = os.memfd_create('x')\n  self.kept.append(f)\n  os.write(f, bytes(2**24))",
    "unmapped": "m = mmap.mmap(-1, 2**24)\n  self.kept.append(m)\n  m.write(bytes(2**24))\n  m.madvise(4)",
}


@pytest.mark.parametrize("kind", HIDDEN)
def test_shared_memory_that_no_process_shows_counts(probe, kind):
    """Memory files that are not mapped count, and so do pages that a process let go of without freeing them."""
    if kind == "unmapped" and os.geteuid():
        pytest.skip("the kernel tells root only how large mapped memory without a name is")
    code = f"for n in range(60):\n  {HIDDEN[kind]}\ntime.sleep(20)"
    with pytest.raises(PredictionFailedError, match=r"used more than 0\.8 GiB of memory"):
        probe(code, Limits(seconds=60, memory_gb=0.8), device="cuda")


@pytest.mark.usefixtures("needs_bubblewrap")
def test_buffers_of_sockets_count_as_memory(probe):
    """A thousand pairs of sockets may hold 400 MB, which no process shows."""
    code = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, [resource.getrlimit(resource.RLIMIT_NOFILE)[1]] * 2)\n"
        "self.kept += [socket.socketpair() for _ in range(1000)]\ntime.sleep(20)"
    )
    with pytest.raises(PredictionFailedError, match=r"used more than 0\.5 GiB of memory"):
        probe(code, Limits(seconds=60, memory_gb=0.5))


def states(process):
    """The states of a process and its descendants: T is suspended."""
    return {Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in process.usage().processes}


def test_a_process_does_nothing_between_cases(probe):
    """A thread that would count on is stopped after each answer, until the next case."""
    code = (
        "if not self.kept:\n"
        "    self.kept.append(0)\n"
        "    def count():\n"
        "        while True:\n"
        "            self.kept[0] += 1\n"
        "            time.sleep(0.001)\n"
        "    threading.Thread(target=count, daemon=True).start()\n"
        "found['counted'] = self.kept[0]"
    )
    predictor, _ = probe(code)
    process = predictor._session._live.process
    end = time.monotonic() + 10
    while states(process) != {"T"}:  # a busy machine takes its time to stop them
        assert time.monotonic() < end, states(process)
    before = process.usage().cpu_seconds
    time.sleep(1)
    assert process.usage().cpu_seconds == before
    assert found_by(predictor)["counted"] < 500


def test_an_idle_process_is_ended(probe, monkeypatch):
    """After a minute without a case its memory is free; the next case gets a new one."""
    predictor, _ = probe("")
    monkeypatch.setattr(session, "_IDLE_SECONDS", 0.5)
    end = time.monotonic() + 10
    while predictor._session.is_live:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert predictor._session._live is None
    assert predictor.predict(IMAGE).score == 0.5


def test_threads_that_share_a_predictor_wait_for_each_other(probe):
    """Whoever asks one predictor from two threads gets both answers."""
    from concurrent.futures import ThreadPoolExecutor

    predictor, _ = probe("time.sleep(0.05)")
    with ThreadPoolExecutor(4) as pool:
        assert [one.score for one in pool.map(predictor.predict, [IMAGE] * 8)] == [0.5] * 8


def test_predictors_are_ended_before_masks_are_read(blobs, probe, tmp_path, monkeypatch):
    """In the score phase no process of a predictor is left that this run started."""
    from ctbench.runs import phases, predicting, run

    original, live = phases._score_part, []

    def score(*arguments):
        made = predicting._made.predictors.values()  # also trusted ones that another test left in this process
        live.extend(one._session.is_live for one in made if hasattr(one, "_session"))
        return original(*arguments)

    monkeypatch.setattr(phases, "_score_part", score)
    probe("")
    run(blobs, "probing:Probe", tmp_path / "run", metrics=["dice"], jobs=1, cached=False)
    assert live
    assert not any(live)


def test_what_cannot_be_looked_into_holds_nothing():
    """Processes outside of a sandbox, and those that have ended, are passed over."""
    assert inside.look_inside({os.getpid(), 2**22 - 1}, sandbox.SCRATCHES) == (0, 0, 0)
    assert inside.unlinked_bytes({2**22 - 1}) == 0


def test_large_label_maps_come_through_the_pipe(probe):
    """One of 12 MB, three times what an answer without labels may hold, is whole."""
    predictor, _ = probe("")
    array = np.zeros((48, 512, 512), np.int16)
    assert predictor.predict(Volume(array, (1.0, 1.0, 1.0))).labels.tobytes().rstrip(b"\0") == b"{}"
