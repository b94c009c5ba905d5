from pathlib import Path

import pytest

from ctbench.errors import ContractError, GeometryError, PredictionFailedError
from ctbench.predictors import Isolation
from ctbench.predictors.isolation import Session
from ctbench.predictors.isolation.session import _ending, _rebuilt


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        ({"error": "GeometryError", "text": "two grids"}, GeometryError, "two grids"),
        ({"error": "SystemExit", "text": "0"}, PredictionFailedError, "0"),
        ({"error": "__all__", "text": "x"}, PredictionFailedError, "x"),
        ({"raised": "ValueError: no", "trace": "line 3"}, PredictionFailedError, "raised ValueError: no"),
    ],
)
def test_an_exception_of_the_child_is_rebuilt(answer, kind, text):
    """Only our own classes are made from a name that third-party code could forge; what was printed becomes a note."""
    error = _rebuilt(answer, "printed last")
    assert type(error) is kind
    assert str(error) == text
    assert error.__notes__[-1] == "printed last"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (3, "exit code 3"),
        (-11, "it was ended by SIGSEGV"),
        (139, "it was ended by SIGSEGV"),
        (-9, "it was ended by SIGKILL, perhaps because memory ran out"),
    ],
)
def test_the_end_of_a_process_is_described(code, words):
    """A signal is named, whether the process or a shell reports it."""
    assert _ending(code) == words


@pytest.mark.parametrize(
    ("program", "error"),
    [("platform", ContractError), ("ctbench_has_no_such_module", PredictionFailedError)],
    ids=["it writes something else", "it ends at once"],
)
def test_a_program_that_does_not_answer_fails_the_start(tmp_path, program, error):
    """Whatever a program writes instead of an answer is refused, and its process is gone."""
    session = Session(program, "mine", {}, Isolation(unsandboxed=True), tmp_path)
    with pytest.raises(error):
        session.start()
    assert not session.is_live


class Scripted:
    """A process that answered with these bytes."""

    exit_code = 0

    def __init__(self, payload):
        self.payload, self.wanted = payload, None

    def receive(self, size):
        """Return as many bytes, and note how many were wanted."""
        self.wanted = size
        return bytearray(self.payload[:size])

    def stop(self):
        """End."""


@pytest.mark.parametrize("named", ["iph", ["iph", "iph"], ["sah"], [1], {"iph": 1}, None])
def test_probabilities_that_were_not_asked_for_are_refused(tmp_path, named):
    """A forged answer cannot make the parent read more bytes than labels and wanted probabilities have."""
    session = Session("my.program", "mine", {}, Isolation(), tmp_path)
    with pytest.raises(ContractError, match="expected distinct names of its own labels"):
        session._payload(Scripted(b""), {"labels": 8, "probabilities": named}, 8, 8, ("iph", "ivh"))


def test_the_bytes_of_probabilities_are_counted(tmp_path):
    """Labels first, then one byte a voxel for each name."""
    session, process = Session("my.program", "mine", {}, Isolation(), tmp_path), Scripted(bytes(range(32)))
    payload = session._payload(process, {"labels": 16, "probabilities": ["ivh"]}, 16, 8, ("iph", "ivh"))
    assert (process.wanted, len(payload)) == (24, 24)


def test_the_command_line_can_be_shown_without_a_process(tmp_path):
    """It ends with the module that answers."""
    session = Session("my.program", "mine", {}, Isolation(), tmp_path)
    assert session.command(Path("/CASE"))[-2:] == ["-m", "my.program"]
    assert not session.is_live
