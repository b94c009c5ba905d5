import socket

import pytest
from streamlit.web import cli

from leaderboard import app


@pytest.mark.parametrize("board", ["nowhere", "mine.yaml"])
def test_a_folder_that_does_not_exist_is_told(ctbench, served, board, tmp_path):
    """Before anything is served; a file is no folder."""
    (tmp_path / "work" / "mine.yaml").write_text("")
    result = ctbench("leaderboard", board)
    assert (result.exit_code, served) == (2, [])
    assert f"there is no folder {board}" in result.err


def test_an_address_that_is_taken_is_told(ctbench):
    """In a sentence that says what to do, before anything is served."""
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = ctbench("leaderboard", "memory://board", "--port", port)
    assert result.exit_code == 2
    assert f"cannot serve at localhost:{port}" in result.err
    assert "choose another with --port" in result.err


@pytest.fixture
def port():
    """A port that nobody has taken."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


@pytest.fixture
def served(monkeypatch):
    """What is handed to Streamlit instead of being served."""
    calls = []
    monkeypatch.setattr(cli, "main", lambda words, **_: calls.append(words))
    return calls


def test_the_address_is_printed_and_the_board_handed_on(ctbench, served, port, tmp_path):
    """Only this machine is served unless another address is given; catalogues become absolute paths."""
    result = ctbench("leaderboard", "memory://board", "--port", port, "--catalog", "mine.yaml")
    assert result.exit_code == 0
    assert f"leaderboard of memory://board: http://localhost:{port}" in result.err
    (words,) = served
    assert words[:2] == ["run", app.__file__]
    assert "--server.address=localhost" in words
    assert words[words.index("--") + 1 :] == ["memory://board", f"--catalog={tmp_path / 'work' / 'mine.yaml'}"]


def test_without_a_board_the_demo_is_shown(ctbench, served, port, tmp_path):
    """As `make demo` leaves it in the working folder; where there is none, the message says what makes one."""
    assert "`ctbench demo` makes one" in ctbench("leaderboard", "--port", port).err
    assert served == []
    (tmp_path / "work" / "demo").mkdir()
    ctbench("leaderboard", "--port", port)
    assert served[0][-1] == "demo"


def test_the_owners_record_is_handed_on(ctbench, served, port, tmp_path):
    """As an absolute path; one that is not there is told before anything is served."""
    result = ctbench("leaderboard", "memory://board", "--port", port, "--verified", "record.json")
    assert (result.exit_code, served) == (2, [])
    assert "write it with `ctbench board verify memory://board --record record.json`" in result.err
    (tmp_path / "work" / "record.json").write_text("{}")
    ctbench("leaderboard", "memory://board", "--port", port, "--verified", "record.json")
    assert served[0][-1] == f"--verified={tmp_path / 'work' / 'record.json'}"
