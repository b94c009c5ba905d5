import re
import struct
from pathlib import Path

import pytest

from ctbench.predictors.isolation import system_calls


def run_filter(content, number, architecture, *arguments):
    """What a filter answers to a call: a small interpreter of its program."""
    data = struct.pack("=IIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    steps, place, value = list(struct.iter_unpack("=HBBI", content)), 0, 0
    while True:
        code, yes, no, operand = steps[place]
        if code == 0x20:
            (value,) = struct.unpack_from("=I", data, operand)
        elif code == 0x06:
            return operand
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[code]
            place += yes if holds else no
        place += 1


@pytest.mark.parametrize(("machine", "architecture"), [("x86_64", 0xC000003E), ("aarch64", 0xC00000B7)])
def test_the_filter_of_each_machine(machine, architecture):
    """Every forbidden call of the table fails, all others are allowed; other architectures fail whatever they call."""
    content, place = system_calls.program(machine), 0 if machine == "x86_64" else 1
    forbidden = {pair[place] for pair in {**system_calls._FORBIDDEN, **system_calls._ABSENT}.values()} - {None}
    special = {system_calls._SOCKET[place], system_calls._SOCKETPAIR[place]}
    for number in range(600):
        allowed = run_filter(content, number, architecture) == 0x7FFF0000
        assert allowed == (number not in forbidden | special), number
    assert run_filter(content, 0, 0x40000003) == 0x50000 | 38
    clone, sockets = system_calls._CLONE[place], system_calls._SOCKET[place]
    assert run_filter(content, clone, architecture, 0x10000000 | 17) == 0x50000 | 1
    assert run_filter(content, clone, architecture, 0x3D0F00) == 0x7FFF0000
    for family, protocol, allowed in ((1, 0, True), (2, 6, True), (16, 0, True), (16, 12, False), (40, 0, False)):
        assert (run_filter(content, sockets, architecture, family, 1, protocol) == 0x7FFF0000) == allowed
    if machine == "x86_64":
        assert run_filter(content, 0x40000000 | 310, architecture) == 0x50000 | 38


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_for_graphics_cards(machine):
    """It allows ``memfd_create`` besides, and nothing else."""
    place, architecture = system_calls._MACHINES[machine]
    usual, wider = system_calls.program(machine), system_calls.program(machine, gpu=True)
    (changed,) = [
        number
        for number in range(600)
        if run_filter(usual, number, architecture) != run_filter(wider, number, architecture)
    ]
    assert changed == system_calls._ABSENT["memfd_create"][place]
    assert run_filter(wider, changed, architecture) == 0x7FFF0000


def test_other_machines_have_no_filter():
    """Rather than one with wrong numbers."""
    assert system_calls.program("riscv64") is None


HEADERS = {"x86_64": "x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "asm-generic/unistd.h"}
"""The kernel's lists of numbers; aarch64 has the generic ones."""


@pytest.mark.parametrize("machine", HEADERS)
def test_numbers_are_those_of_the_kernel(machine):
    """Each number of the tables stands under its name in the headers, if they are new enough to have it."""
    header = Path("/usr/include") / HEADERS[machine]
    if not header.is_file():
        pytest.skip(f"the kernel's headers are not installed ({header}; Debian: linux-libc-dev)")
    found = re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text(encoding="utf-8"), re.MULTILINE)
    known = {name: int(number) for name, number in found}
    place = system_calls._MACHINES[machine][0]
    special = {"clone": system_calls._CLONE, "socket": system_calls._SOCKET, "socketpair": system_calls._SOCKETPAIR}
    tables = {**system_calls._FORBIDDEN, **system_calls._ABSENT, **special}
    numbers = {name: pair[place] for name, pair in tables.items() if name in known}
    assert numbers == {name: known[name] for name in numbers}
    assert len(numbers) > 50
    assert {name for name in tables if name not in known and tables[name][place] is not None} <= {"open_tree_attr"}
