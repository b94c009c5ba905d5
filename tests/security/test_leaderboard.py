"""The web server of the leaderboard takes no settings from the working folder."""

import socket
from pathlib import Path

import pytest
from streamlit import config
from streamlit.web import cli

import leaderboard


@pytest.fixture
def port():
    """A port that nobody has taken."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def test_settings_of_the_working_folder_are_ignored(ctbench, monkeypatch, tmp_path, port):
    """A `config.toml` there could switch off the protection against other sites; ours is read in its place."""
    settings = tmp_path / "work" / ".streamlit"
    settings.mkdir()
    (settings / "config.toml").write_text("[server]\nenableXsrfProtection = false\n")
    read = []
    monkeypatch.setattr(cli, "main", lambda *_, **__: read.extend(map(Path, config.get_config_files("config.toml"))))
    assert ctbench("leaderboard", "memory://board", "--port", port).exit_code == 0
    assert Path(leaderboard.__file__).parent / ".streamlit" / "config.toml" in read
    assert settings / "config.toml" not in read
    assert settings / "config.toml" in map(Path, config.get_config_files("config.toml"))  # as before
