"""The bubblewrap sandbox of a third-party process: its command line, allow-list of mounts, and environment."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

from ctbench.errors import UsageError
from ctbench.predictors.isolation import launch
from ctbench.predictors.isolation.mounts import mounted_below
from ctbench.predictors.isolation.system_calls import program

__all__ = [
    "SCRATCH",
    "SCRATCHES",
    "environment",
    "environment_folders",
    "expect_sandbox",
    "interpreter_folders",
    "is_sandboxed",
    "launched",
    "missing_protections",
    "new_user",
    "sandboxed",
    "shared_files",
    "system_files",
]

SCRATCH = Path("/tmp")  # noqa: S108  # inside the sandbox it is a file system of its own
"""Folder for temporary files inside the sandbox, in memory."""

SCRATCHES = (SCRATCH, Path("/dev/shm"))  # noqa: S108  # as above
"""The folders that a sandboxed process may write to, each a file system in memory."""

_SYSTEM = (
    *("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/usr/share"),
    *("/usr/local/bin", "/usr/local/lib", "/usr/local/lib64", "/bin", "/sbin", "/lib", "/lib32", "/lib64"),
    *("/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime"),
    *("/nix/store", "/sys/devices/system/cpu"),
)
_SYSTEM_PREFIXES = {"/", "/usr", "/usr/local"}
_OF_PREFIX = ("bin", "lib", "lib64", "share", "targets", "nvvm", "pyvenv.cfg")
_GPU_SYSTEM = ("/sys/devices", "/sys/bus/pci", "/sys/module", "/sys/class/drm", "/usr/local/nvidia", "/opt/rocm")
_GPU_DEVICES = ("nvidia*", "dri", "kfd")

# What a process needs to compute; everything else (tokens, keys, proxies) is not passed on.
_ENVIRONMENT = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "PYTHONHASHSEED",
    "CUDA_VISIBLE_DEVICES",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)
_ENVIRONMENT_ENDINGS = ("_NUM_THREADS",)

_FIRST_UID = 0x70000000
"""Above the user ids of people and services, and above the ranges that systems reserve for containers."""

_USERS_OF_PROCESS = 64
_numbers = itertools.count()

# Root mounts, then becomes an unprivileged user, to whom the limit on processes applies; only then the plugin runs.
_BECOME = (
    "import os, sys; user = int(sys.argv[1]); os.setgroups([]); os.setresgid(user, user, user); "
    "os.setresuid(user, user, user); os.execv(sys.argv[2], sys.argv[2:])"
)


def sandboxed(
    command: Sequence[str],
    *,
    readable: Iterable[Path],
    own: Iterable[Path] = (),
    folder: Path,
    scratch_bytes: int,
    user: int,
    gpu: bool = False,
) -> list[str]:
    """Return the command line of bubblewrap that runs ``command`` without network, other processes or other files.

    It may write to its scratch space only, which is in memory.

    Args:
        command: Absolute path of the program, and its arguments.
        readable: Files and folders that it may read besides the system's libraries and this interpreter; links are
            followed.
        own: Its own files and folders. A link among them stays a link, and what is mounted inside them or compiled
            there (``__pycache__``) is not shown.
        folder: Its working folder; empty inside the sandbox unless it is among ``readable``.
        scratch_bytes: Size of its scratch space (held in memory), in bytes.
        user: Id of the user that it becomes where ctbench runs as root.
        gpu: Whether it may use the graphics cards.
    """
    root = _kind() == "root"
    first, second = SCRATCHES
    arguments = ["bwrap", *_namespaces(root=root), *_memory_folder(first, scratch_bytes)]
    arguments += ["--dev", "/dev", *_memory_folder(second, scratch_bytes)]
    arguments += ["--proc", "/proc"]
    own, readable = list(own), list(readable)
    shared = [*system_files(gpu=gpu), *interpreter_folders()]
    shown = _outermost([*shared, *readable, *own])
    for parent in _new_folders([folder, *(path.parent for path in shown)], shown):
        arguments += ["--perms", "0755", "--dir", str(parent)]
    for path in shown:
        arguments += _shown(path, follow=path not in own)
    hidden = [found for path in own if not _lies_in(path, shared) for found in _hidden_in(path)]
    for path in hidden:
        arguments += ["--tmpfs", str(path)] if path.is_dir() else ["--ro-bind", os.devnull, str(path)]
    for path in readable:
        arguments += _shown(path, follow=True) if _lies_in(path, hidden) else []
    arguments += [word for path in hidden if path.is_dir() for word in ("--remount-ro", str(path))]
    for device in _gpu_devices(gpu=gpu):
        arguments += ["--dev-bind", str(device), str(device)]
    arguments += ["--remount-ro", "/dev", "--remount-ro", "/"]
    arguments += ["--chdir", str(folder), "--"]
    if root:
        arguments += [sys.executable, "-I", "-S", "-c", _BECOME, str(user)]
    return launched([*arguments, *command], gpu=gpu)


def launched(command: Sequence[str], *, gpu: bool = False) -> list[str]:
    """Return the command line that starts a command with a fresh keyring and the filter of system calls.

    Both are Linux's; elsewhere it is the command itself.

    Args:
        command: The program and its arguments.
        gpu: Whether it may use the graphics cards.
    """
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", str(Path(launch.__file__)), *(["--gpu"] if gpu else []), *command]


def is_sandboxed() -> bool:
    """Return whether bubblewrap is installed and works."""
    return _kind() != "none"


def expect_sandbox() -> None:
    """Raise ``UsageError`` if there is no sandbox on this machine."""
    if not is_sandboxed():
        msg = (
            f"code of other packages than ctbench runs in a sandbox only, and there is none here: {_problem()}; "
            "install bubblewrap, or use --trust if you trust that code, or --unsandboxed where there is nothing to hide"
        )
        raise UsageError(msg)


def new_user() -> int:
    """Return the id of a user for one sandboxed process.

    The system counts processes by user: where ctbench runs as root, every sandbox has its own, so that one that reaches
    its limit does not block another in this process or in another one. Anybody else stays what they are.
    """
    if _kind() != "root":
        return os.getuid()
    return _FIRST_UID + os.getpid() * _USERS_OF_PROCESS + next(_numbers) % _USERS_OF_PROCESS


def environment(home: Path) -> dict[str, str]:
    """Return the environment variables of a third-party process: an allow-list, so that no secret is passed on.

    Args:
        home: Its home folder and folder for temporary files.
    """
    kept = {
        name: value for name, value in os.environ.items() if name in _ENVIRONMENT or name.endswith(_ENVIRONMENT_ENDINGS)
    }
    places = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "MPLCONFIGDIR", "NUMBA_CACHE_DIR"), str(home))
    return kept | places | {"USER": "predictor", "LOGNAME": "predictor", "PYTHONDONTWRITEBYTECODE": "1"}


def missing_protections() -> tuple[str, ...]:
    """Return one sentence for each protection that this machine cannot enforce; empty with a recent bubblewrap."""
    unfiltered = () if program() else ("system calls are not filtered: the filter does not know this machine",)
    if _kind() != "none":
        size = () if "--size" in _features() else ("this bubblewrap cannot bound scratch; 0.7 or newer can",)
        return (*size, *unfiltered)
    by_number = "not enforced for root" if _is_real_root() else "limited for each user, not for each predictor"
    open_to_it = (
        "not enforced: a predictor can read and write every file that you can (the readers' masks too), and use the "
        f"network; its time and memory are watched, its number of processes is {by_number}"
    )
    return (f"predictors are not sandboxed: {_problem()}", open_to_it, *unfiltered)


def interpreter_folders() -> tuple[Path, ...]:
    """Return the folders of this Python interpreter, its virtual environment, its packages, and ctbench.

    A virtual environment may lie in a project's folder, so only its folders of programs and libraries are returned.
    """
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, *_link_prefixes(sys.executable)}
    found = [Path(prefix, name) for prefix in prefixes - _SYSTEM_PREFIXES for name in _OF_PREFIX]
    found += [Path(entry) for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]
    return tuple(path for path in (*found, Path(__file__).parents[2]) if path.exists())


def environment_folders(program: Path) -> tuple[Path, ...]:
    """Return the folders of the Python environment that a program lies in, and of the Python that it was made from.

    A stranger's environment may name any folder as that of its Python: only a folder that holds one is believed.

    Args:
        program: Path of the program, before links are followed: that of ``env/bin/python`` leads out of ``env``.

    Returns:
        Existing folders of programs and libraries; empty for a program outside a virtual or conda environment.
    """
    prefix = Path(os.path.abspath(program)).parent.parent  # noqa: PTH100  # resolve() would follow links
    configuration = prefix / "pyvenv.cfg"
    if not configuration.is_file() and not (prefix / "conda-meta").is_dir():
        return ()
    prefixes = _link_prefixes(str(program))
    for interpreter in sorted(prefix.glob("bin/python*")):
        prefixes |= _link_prefixes(str(interpreter))
    if configuration.is_file():
        lines = configuration.read_text(encoding="utf-8", errors="replace").splitlines()
        fields = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
        if fields.get("home"):
            prefixes.add(str(Path(fields["home"]).parent))
    pythons = {one for one in prefixes if any(Path(one, "bin").glob("python*"))}
    found = (Path(one, name) for one in sorted({str(prefix), *pythons} - _SYSTEM_PREFIXES) for name in _OF_PREFIX)
    return tuple(path for path in found if path.exists())


def _link_prefixes(executable: str) -> set[str]:
    """Return the prefixes along the links from a virtual environment's interpreter; the sandbox needs each of them."""
    prefixes, path = set(), Path(executable)
    while path.is_symlink():
        path = Path(os.path.abspath(path.parent / path.readlink()))  # noqa: PTH100  # resolve() would skip links
        prefixes.add(str(path.parent.parent))
    return prefixes


def _namespaces(*, root: bool) -> list[str]:
    shared = ["--die-with-parent", "--new-session", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    if root:
        return [*shared, "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return [*shared, "--unshare-user", *(["--disable-userns"] if "--disable-userns" in _features() else [])]


def _memory_folder(path: Path, size_bytes: int) -> list[str]:
    size = ["--size", str(size_bytes)] if "--size" in _features() else []
    return ["--perms", "1777", *size, "--tmpfs", str(path)]


def _lies_in(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _hidden_in(own: Path) -> list[Path]:
    """Return what a folder of a predictor holds that is not its own: other file systems, and compiled modules.

    A compiled module may hold other code than the source that is digested.
    """
    if own.is_symlink() or not own.is_dir():
        return []
    base = own.resolve()
    points = [own / point.relative_to(base) for point in mounted_below(own)]
    compiled = [path for path in own.rglob("__pycache__") if path.is_dir() and not path.is_symlink()]
    return [*points, *(path for path in compiled if not _lies_in(path, points))]


def _shown(path: Path, *, follow: bool) -> list[str]:
    if path.is_symlink() and (path.parent == Path("/") or not follow):  # /lib -> usr/lib
        return ["--symlink", str(path.readlink()), str(path)]
    return ["--ro-bind", str(path.resolve()), str(path)]


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """Return the paths, sorted, without those that lie inside another one."""
    kept: list[Path] = []
    for path in sorted({Path(os.path.abspath(path)) for path in paths}):  # noqa: PTH100  # resolve() would follow links
        if not any(parent in kept for parent in path.parents):
            kept.append(path)
    return kept


def _new_folders(folders: Iterable[Path], shown: Iterable[Path]) -> list[Path]:
    """Return ``folders`` and their parents, outermost first, except those inside mounts.

    bubblewrap would create them too, but readable by its own user only.
    """
    wanted = {around for folder in folders for around in (folder, *folder.parents)}
    given = [*shown, Path("/dev"), Path("/proc")]
    return sorted(path for path in wanted - {Path("/"), SCRATCH} if not any(map(path.is_relative_to, given)))


def shared_files() -> tuple[Path, ...]:
    """Return the files and folders that every sandboxed process may read: system libraries and this interpreter."""
    return (*system_files(), *interpreter_folders())


def system_files(*, gpu: bool = False) -> list[Path]:
    """Return the existing system files that programs need (libraries, time zone; GPU drivers if ``gpu``)."""
    paths = [*map(Path, _SYSTEM + _GPU_SYSTEM), *Path("/usr/local").glob("cuda*")] if gpu else map(Path, _SYSTEM)
    return [path for path in paths if path.exists()]


def _gpu_devices(*, gpu: bool) -> list[Path]:
    return [device for pattern in _GPU_DEVICES for device in sorted(Path("/dev").glob(pattern))] if gpu else []


@lru_cache(maxsize=1)
def _features() -> str:
    return subprocess.run(
        ["bwrap", "--help"],  # noqa: S607
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    ).stdout


def _kind() -> Literal["root", "user", "none"]:
    """Return how bubblewrap works here: as root, in a user namespace, or not at all."""
    return "none" if _problem() else ("root" if _is_real_root() else "user")


@lru_cache(maxsize=1)
def _problem() -> str:
    """Return why bubblewrap cannot be used, empty if it can; it is tried once, as the system may forbid it."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed (its program is called bwrap)"
    tried = subprocess.run(
        ["bwrap", *_namespaces(root=_is_real_root()), "--ro-bind", "/", "/", "--proc", "/proc", "--", "true"],  # noqa: S607
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    return "" if tried.returncode == 0 else f"bubblewrap does not work here ({tried.stderr.strip()[-200:]})"


def _is_real_root() -> bool:
    """Return whether this is root of the whole machine, who can become any user, not root of a user namespace."""
    try:
        mapped = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    except OSError:
        return False
    return os.geteuid() == 0 and mapped == ["0", "0", str(2**32 - 1)]
