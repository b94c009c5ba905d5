"""What a third party's process can see and do: a command line of bubblewrap with an allow-list of mounts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

__all__ = [
    "SCRATCH",
    "environment",
    "interpreter_folders",
    "is_sandboxed",
    "sandboxed",
    "system_files",
    "unenforced",
    "user_inside",
]

SCRATCH = Path("/tmp")  # noqa: S108  # inside the sandbox it is a file system of its own
"""Where a sandboxed process may keep what it needs while it runs."""

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

# What a process needs to compute; anything else (tokens, keys, proxies) stays outside.
_ENVIRONMENT = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "PYTHONHASHSEED",
    "CUDA_VISIBLE_DEVICES",
)
_ENVIRONMENT_ENDINGS = ("_NUM_THREADS",)

_FIRST_UID = 0x70000000
"""Above all users that systems make, and above the ranges that they lend to containers."""

# Root makes the mounts and becomes somebody whom the limit on processes binds, before any of the plugin's code runs.
_BECOME = (
    "import os, sys; user = int(sys.argv[1]); os.setgroups([]); os.setresgid(user, user, user); "
    "os.setresuid(user, user, user); os.execv(sys.argv[2], sys.argv[2:])"
)


def sandboxed(
    command: Sequence[str],
    *,
    readable: Iterable[Path],
    writable: Path,
    folder: Path,
    scratch_bytes: int,
    gpu: bool = False,
) -> list[str]:
    """Put ``command`` into a sandbox: no network, no other processes, and only the files that are named.

    Args:
        command: program, by its absolute path, and arguments.
        readable: files and folders that it may read, besides the system's libraries and this interpreter.
        writable: the one folder that it may write to, besides its scratch.
        folder: where it starts; an empty folder unless it is readable.
        scratch_bytes: how much scratch it has, in memory.
        gpu: let it use the graphics cards.

    Returns:
        a command line of bubblewrap.
    """
    root = _kind() == "root"
    arguments = ["bwrap", *_namespaces(root=root), *_memory_folder(SCRATCH, scratch_bytes)]
    arguments += ["--dev", "/dev", *_memory_folder(Path("/dev/shm"), scratch_bytes)]  # noqa: S108
    arguments += ["--proc", "/proc"]
    shown = _outermost([*system_files(gpu=gpu), *interpreter_folders(), *readable])
    for parent in _new_folders([folder, *(path.parent for path in (*shown, writable))], shown):
        arguments += ["--perms", "0755", "--dir", str(parent)]
    for path in shown:
        arguments += _shown(path)
    for device in _gpu_devices(gpu=gpu):
        arguments += ["--dev-bind", str(device), str(device)]
    arguments += ["--bind", str(writable), str(writable), "--remount-ro", "/dev", "--remount-ro", "/"]
    arguments += ["--chdir", str(folder), "--"]
    if root:
        # Every worker has a user of its own, so that one that fills its share of processes starves no other.
        arguments += [sys.executable, "-I", "-S", "-c", _BECOME, str(user_inside())]
    return [*arguments, *command]


def is_sandboxed() -> bool:
    """Say whether bubblewrap is there and works."""
    return _kind() != "none"


def user_inside() -> int:
    """Give the id of the user as which a sandboxed process runs."""
    return _FIRST_UID + os.getpid() if _kind() == "root" else os.getuid()


def environment(home: Path) -> dict[str, str]:
    """Give the environment of a third party's process: what computing needs, and no secrets.

    Args:
        home: its home and its folder for temporary files.
    """
    kept = {
        name: value for name, value in os.environ.items() if name in _ENVIRONMENT or name.endswith(_ENVIRONMENT_ENDINGS)
    }
    places = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "MPLCONFIGDIR", "NUMBA_CACHE_DIR"), str(home))
    return kept | places | {"USER": "predictor", "LOGNAME": "predictor", "PYTHONDONTWRITEBYTECODE": "1"}


def unenforced() -> tuple[str, ...]:
    """Say, a sentence each, what a third party's process is not kept from on this machine; empty with bubblewrap."""
    if _kind() != "none":
        return () if "--size" in _features() else ("this bubblewrap cannot bound scratch; 0.7 or newer can",)
    by_number = "not enforced for root" if _is_real_root() else "limited for each user, not for each predictor"
    open_to_it = (
        "not enforced: a predictor can read and write every file that you can (the readers' masks too), and use the "
        f"network; its time and memory are watched, its number of processes is {by_number}"
    )
    return (f"predictors are not sandboxed: {_problem()}", open_to_it)


def interpreter_folders() -> tuple[Path, ...]:
    """Give what this interpreter consists of: programs and libraries of its installation and environment, and ctbench.

    An environment may be made in a project's own folder, so only what belongs to Python is taken of it.
    """
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix, *_link_prefixes(sys.executable)}
    found = [Path(prefix, name) for prefix in prefixes - _SYSTEM_PREFIXES for name in _OF_PREFIX]
    found += [Path(entry) for entry in sys.path if entry.endswith(("site-packages", "dist-packages"))]
    return tuple(path for path in (*found, Path(__file__).parents[2]) if path.exists())


def _link_prefixes(executable: str) -> set[str]:
    """Follow the links from a virtual environment's interpreter; each of them must be there inside, too."""
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


def _shown(path: Path) -> list[str]:
    if path.is_symlink() and path.parent == Path("/"):  # /lib -> usr/lib
        return ["--symlink", str(path.readlink()), str(path)]
    return ["--ro-bind", str(path.resolve()), str(path)]


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """Leave out what lies in another of the paths."""
    kept: list[Path] = []
    for path in sorted({Path(os.path.abspath(path)) for path in paths}):  # noqa: PTH100  # resolve() would follow links
        if not any(parent in kept for parent in path.parents):
            kept.append(path)
    return kept


def _new_folders(folders: Iterable[Path], shown: Iterable[Path]) -> list[Path]:
    """Give ``folders`` and those around them, outermost first, without what mounts bring.

    Left to itself, bubblewrap would make them for its own user only.
    """
    wanted = {around for folder in folders for around in (folder, *folder.parents)}
    given = [*shown, Path("/dev"), Path("/proc")]
    return sorted(path for path in wanted - {Path("/"), SCRATCH} if not any(map(path.is_relative_to, given)))


def system_files(*, gpu: bool = False) -> list[Path]:
    """Give what programs need of the system, as far as it is there."""
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
    """Say how bubblewrap works here: by root's own power, by a user namespace, or not at all."""
    return "none" if _problem() else ("root" if _is_real_root() else "user")


@lru_cache(maxsize=1)
def _problem() -> str:
    """Try bubblewrap once: that it is installed does not mean that the system lets it work."""
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
    """Say whether this is root of the whole machine, who can become any user, not of a container's namespace."""
    try:
        mapped = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    except OSError:
        return False
    return os.geteuid() == 0 and mapped == ["0", "0", str(2**32 - 1)]
