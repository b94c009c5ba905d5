"""The attempts of other files of this folder again, by an ordinary user where the tests run as root."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NOBODY = 65534
ATTEMPTS = {
    "test_sandbox.py": (
        *("system_calls_that_no_model_needs", "keys_of_the_session", "no_folder_of_the_disk", "scratch_is_bounded"),
        *("deleted_files_that_are_open_count_without", "memory_files_and_nothing_else", "shows_counts"),
        "buffers_of_sockets",
        "does_nothing_between",
    ),
    "test_own_files.py": ("links_beside", "links_in_a_package", "link_out_is_refused", "compiled", "hard_links"),
    "test_workers.py": ("without_a_sandbox_is_refused", "(every_command_refuses_it and check)", "killed_twice"),
    "test_plugins.py": ("(in_the_sandbox and Model)",),
    "../predictors/test_isolated.py": ("only_a_sandbox_keeps_from", "without_bubblewrap"),
}
"""Test file -> expressions that choose its tests by their names."""

# The interpreter may lie in a folder that is closed to others, /root: a private name space shows it to this user.
SHOW = """
set -e
temporary=$1 closed=$2 shown=$3; shift 3
if [ -n "$closed" ]; then
    mkdir -p "$temporary/kept"
    mount --bind "$shown" "$temporary/kept"
    mount -t tmpfs -o mode=755 tmpfs "$closed"
    mkdir -p "$shown"
    mount --bind "$temporary/kept" "$shown"
    umount "$temporary/kept"
fi
exec setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all "$@"
"""


def closed_around(path):
    """The outermost folder around a path that others may not enter; empty where there is none."""
    around = [folder for folder in reversed(path.parents) if not folder.stat().st_mode & 0o001]
    return str(around[0]) if around else ""


@pytest.fixture(scope="module")
def nobody():
    """Run a program as the user nobody, with a folder of its own for all that it writes."""
    if sys.platform != "linux" or os.geteuid():
        pytest.skip("only root can become another user; an ordinary user runs the attempts themselves")
    if closed_around(ROOT / "x") or closed_around(Path(sys.executable)):
        pytest.skip("the repository or its environment lies in a folder that is closed to others")
    folder = Path(subprocess.check_output(["mktemp", "-d", "/tmp/ctbench-nobody-XXXX"], text=True).strip())  # noqa: S108, S607
    os.chown(folder, NOBODY, NOBODY)
    base = Path(sys.base_prefix)
    kept = {name: os.environ[name] for name in ("PATH", "OMP_NUM_THREADS") if name in os.environ}
    places = dict.fromkeys(("HOME", "TMPDIR", "CTBENCH_CACHE", "NUMBA_CACHE_DIR"), str(folder))
    start = ["unshare", "--mount", "sh", "-c", SHOW, "sh", str(folder), closed_around(base / "x"), str(base)]

    def call(*command):
        return subprocess.run(
            [*start, *map(str, command)],
            cwd=ROOT,
            env={**kept, **places, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=600,
        )

    tried = call(sys.executable, "-c", "import os, ctbench; print(os.getuid())")
    if tried.stdout != f"{NOBODY}\n":
        pytest.skip(f"the user nobody cannot run this Python here: {tried.stderr.strip()[-200:]}")
    yield call
    subprocess.run(["rm", "-rf", str(folder)], check=True)  # noqa: S607  # a system's own tool


@pytest.fixture(scope="module")
def attempts(nobody):
    """The attempts of all files, made by one process that has ended, and the number that passed by file."""
    chosen = " or ".join(f"({Path(file).name} and ({' or '.join(names)}))" for file, names in ATTEMPTS.items())
    files = [HERE / file for file in ATTEMPTS]
    done = nobody(sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", *files, "-k", chosen)
    passed = Counter(re.findall(r"^PASSED tests/\w+/(\w+\.py)", done.stdout, re.MULTILINE))
    return done, passed


@pytest.mark.slow
@pytest.mark.parametrize("name", ATTEMPTS)
def test_the_attempts_fail_for_an_ordinary_user_too(attempts, name):
    """With a user name space in place of root's sandbox, what is refused, hidden or limited is the same."""
    done, passed = attempts
    assert done.returncode == 0, done.stdout[-4000:]
    assert passed[Path(name).name] >= len(ATTEMPTS[name]), done.stdout[-4000:]
