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


def test_the_command_line_can_be_shown_without_a_process(tmp_path):
    """It ends with the module that answers."""
    session = Session("my.program", "mine", {}, Isolation(), tmp_path)
    assert session.command(Path("/CASE"))[-2:] == ["-m", "my.program"]
    assert not session.is_live
