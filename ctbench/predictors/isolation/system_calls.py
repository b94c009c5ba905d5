"""Filter of system calls (seccomp) for third-party processes, as a BPF program in plain Python.

The filter refuses what a predictor does not need and what has let programs out of sandboxes, or hides memory from its
limit: namespaces and mounts, keyrings, SysV shared memory, memory files, BPF, io_uring, tracing, modules, and sockets
other than Unix, IP and routing ones. It imports nothing of ctbench, so that `launch` can use it in a bare interpreter.
"""

from __future__ import annotations

import errno
import os
import struct

__all__ = ["program"]

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Machine -> place of its numbers in the tables below, and its number among architectures (AUDIT_ARCH)."""

_FORBIDDEN = {
    # name: numbers on x86_64 and aarch64; None where there is no such call
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "fanotify_init": (300, 262),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
}
"""Calls that fail with EPERM."""

_ABSENT = {
    "clone3": (435, 435),  # its flags cannot be seen; libraries fall back to clone
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "msgget": (68, 186),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}
"""Calls that fail with ENOSYS, as on an old system, so that libraries do without them."""

_FOR_GPUS = ("memfd_create",)
"""Absent calls that drivers of graphics cards use; the supervisor counts the memory files that are open."""

_CLONE, _SOCKET, _SOCKETPAIR = (56, 220), (41, 198), (53, 199)
_NEW_NAMESPACES = 0x7E020000
"""The flags of ``clone`` that make namespaces."""

_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_X32 = 0x40000000
"""Calls of the x32 interface have this bit, and the same effects."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
"""Offsets in what the kernel shows to the filter: an argument has 8 bytes, of which the lower 4 come first."""

_Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false (numbers of instructions to skip), operand."""


def program(machine: str | None = None, *, gpu: bool = False) -> bytes | None:
    """Return the filter as the kernel and bubblewrap take it; None for a machine that it does not know.

    Args:
        machine: Name of the machine's architecture, as ``uname -m`` prints it; None: this machine.
        gpu: Whether the drivers of graphics cards are used: they make memory files.
    """
    known = _MACHINES.get(machine or os.uname().machine)
    if known is None:
        return None
    place, architecture = known
    steps = _unless(_EQUAL, architecture, _fail(errno.ENOSYS), at=_ARCHITECTURE)
    steps += [(_LOAD, 0, 0, _NUMBER)]
    if place == 0:
        steps += _if(_AT_LEAST, _X32, [_fail(errno.ENOSYS)])
    for table, error in ((_FORBIDDEN, errno.EPERM), (_ABSENT, errno.ENOSYS)):
        for name, numbers in table.items():
            number = None if gpu and name in _FOR_GPUS else numbers[place]
            steps += [] if number is None else _if(_EQUAL, number, [_fail(error)])
    steps += _if(_EQUAL, _CLONE[place], [_argument(0), *_if(_ANY_BIT, _NEW_NAMESPACES, [_fail(errno.EPERM)]), _allow()])
    steps += _if(_EQUAL, _SOCKET[place], _sockets())
    pairs = [_argument(0), *_if(_EQUAL, _UNIX, [_allow()]), _fail(errno.EAFNOSUPPORT)]
    steps += [*_if(_EQUAL, _SOCKETPAIR[place], pairs), _allow()]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _sockets() -> list[_Instruction]:
    """Allow Unix and IP sockets, and those that list routes and addresses (netlink with protocol 0)."""
    steps = [_argument(0)]
    for family in (_UNIX, _INET, _INET6):
        steps += _if(_EQUAL, family, [_allow()])
    steps += _if(_EQUAL, _NETLINK, [_argument(2), *_if(_EQUAL, 0, [_allow()])])
    return [*steps, _fail(errno.EAFNOSUPPORT)]


def _if(test: int, operand: int, then: list[_Instruction]) -> list[_Instruction]:
    return [(test, 0, len(then), operand), *then]


def _unless(test: int, operand: int, then: _Instruction, *, at: int) -> list[_Instruction]:
    return [(_LOAD, 0, 0, at), (test, 1, 0, operand), then]


def _argument(place: int) -> _Instruction:
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * place)


def _allow() -> _Instruction:
    return (_RETURN, 0, 0, _ALLOW)


def _fail(error: int) -> _Instruction:
    return (_RETURN, 0, 0, _ERRNO | error)
