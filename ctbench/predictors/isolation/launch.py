"""Program that starts a third-party process with a fresh keyring and a filter: ``launch.py [--gpu] COMMAND...``.

It joins a new session keyring, so that the keys of the user's session are not there, and adds the filter of system
calls (with ``--gpu`` the one under which drivers of graphics cards work): through bubblewrap's ``--seccomp`` if the
command is bubblewrap, which then makes its mounts first, and to this process otherwise. Then it becomes the command.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from pathlib import Path

if __name__ == "__main__":  # a bare interpreter, which does not find ctbench
    sys.path.append(str(Path(__file__).parent))
    from system_calls import program  # type: ignore[import-not-found]  # it lies beside this file
else:
    from ctbench.predictors.isolation.system_calls import program

__all__ = ["launch"]

_KEYCTL = {"x86_64": 250, "aarch64": 219}
_JOIN_SESSION_KEYRING = 1
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def launch(command: list[str], *, gpu: bool = False) -> None:
    """Become ``command``; its first word is a program on the path, or its absolute path; ``gpu`` as in ``program``."""
    libc = ctypes.CDLL(None, use_errno=True)
    if (keyctl := _KEYCTL.get(platform.machine())) is not None:
        libc.syscall(keyctl, _JOIN_SESSION_KEYRING, None)  # fails in vain where the kernel has no keyrings
    found = program(gpu=gpu)
    if found is not None and command[0] == "bwrap":
        command = ["bwrap", "--seccomp", str(_readable(found)), *command[1:]]
    elif found is not None:
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(_Program(len(found) // 8, found)), 0, 0)
    os.execvp(command[0], command)  # noqa: S606  # no shell is wanted


def _readable(content: bytes) -> int:
    """Return a descriptor from which the next program reads ``content``, which fits into a pipe."""
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    os.set_inheritable(reading, True)
    return reading


if __name__ == "__main__":
    gpu = sys.argv[1] == "--gpu"
    launch(sys.argv[1 + gpu :], gpu=gpu)
