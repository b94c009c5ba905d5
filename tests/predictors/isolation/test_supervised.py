import sys

import pytest

from ctbench.errors import PredictionFailedError
from ctbench.predictors import Limits
from ctbench.predictors.isolation.supervised import Supervised

ECHO = "import sys\nfor line in sys.stdin: print(eval(line), flush=True)"


@pytest.fixture
def started():
    """Start Python programs, and end them after the test."""
    running = []

    def start(code, talks=False, **limits):
        running.append(Supervised([sys.executable, "-c", code], Limits(**limits), talks=talks))
        return running[-1]

    yield start
    for process in running:
        process.stop()


def test_each_request_has_its_answer(started):
    """Lines go in and lines come back, from one process."""
    process = started(ECHO, talks=True)
    assert process.ask(b"6 * 7") == b"42"
    assert process.ask(b"'a' * 100000") == b"a" * 100_000


def test_an_end_is_an_empty_answer(started):
    """Whoever asks learns at once that nobody is there, also the second time."""
    process = started(ECHO, talks=True)
    assert process.ask(b"sys.exit(4)") == b""
    assert process.exit_code == 4
    assert process.ask(b"1") == b""


def test_an_endless_answer_is_cut(started):
    """It is read as it comes, not kept."""
    process = started("import sys\nwhile True: sys.stdout.write('x' * 1000)", talks=True)
    with pytest.raises(PredictionFailedError, match="answered with more than 4 MiB"):
        process.ask(b"")


def test_only_the_end_of_what_is_printed_is_kept(started):
    """The rest was read and forgotten."""
    process = started("print('x' * 10**6); import sys; sys.stderr.write('the end')")
    assert process.wait() == 0
    assert process.printed.endswith("the end")
    assert len(process.printed) <= 65536 + 100


def test_a_quick_program_is_not_waited_for_long(started, monkeypatch):
    """Waiting looks often at first, and at least ten times a second."""
    process, pauses = started(""), []
    select = process._selector.select
    monkeypatch.setattr(process._selector, "select", lambda pause: pauses.append(pause) or select(pause))
    assert process.wait() == 0
    assert pauses[0] < 0.01
    assert max(pauses) <= 0.1


def test_a_full_pipe_does_not_stop_a_program(started):
    """Prints are read while nothing is answered."""
    process = started("import sys; input(); sys.stderr.write('x' * 10**6); print('done')", talks=True)
    assert process.ask(b"") == b"done"


def test_a_program_that_cannot_be_started_is_told():
    """Like any other failure."""
    with pytest.raises(PredictionFailedError, match="cannot be started: /no/such/program: No such file"):
        Supervised(["/no/such/program"], Limits())
