from pathlib import Path

import pytest

from ctbench.predictors.isolation import sandbox


@pytest.fixture(params=["root", "user"])
def command(request, monkeypatch, tmp_path):
    """The command line of a sandbox as root and as anybody else, as if bubblewrap were there."""
    monkeypatch.setattr(sandbox, "_kind", lambda: request.param)
    monkeypatch.setattr(sandbox, "_features", lambda: "--size --disable-userns")
    (tmp_path / "package").mkdir()
    return sandbox.sandboxed(
        ["/bin/model"],
        readable=[tmp_path / "package", tmp_path / "package" / "inner"],
        folder=tmp_path / "work",
        scratch_bytes=1000,
        user=7,
    )


def bound(command, kind):
    """The places that are mounted in one way."""
    return [command[place + 2] for place, word in enumerate(command) if word == kind]


def test_no_folder_of_the_machine_can_be_written(command):
    """Everything but scratch is read-only, and the folders around the mounts are, too."""
    assert bound(command, "--bind") == []
    assert command[command.index("--remount-ro") :][:4] == ["--remount-ro", "/dev", "--remount-ro", "/"]


def test_what_is_shown_is_an_allow_list(command, tmp_path):
    """Neither the root, nor homes, nor the folder of the tests is shown; what lies in a mount is not mounted again."""
    shown = bound(command, "--ro-bind")
    assert str(tmp_path / "package") in shown
    assert str(tmp_path / "package" / "inner") not in shown
    for path in ("/", "/home", "/root", "/usr", "/etc", "/var", "/tmp", str(tmp_path)):  # noqa: S108
        assert path not in shown


def test_network_processes_and_their_messages_are_its_own(command):
    """Four namespaces, and an end together with whoever asked."""
    assert {"--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent"} <= set(command)


def test_scratch_is_bounded(command):
    """Both places of temporary files have a size."""
    sizes = [command[place + 1 : place + 4] for place, word in enumerate(command) if word == "--size"]
    assert sizes == [["1000", "--tmpfs", "/tmp"], ["1000", "--tmpfs", "/dev/shm"]]  # noqa: S108


def test_an_environment_in_a_projects_folder_shows_python_only(monkeypatch, tmp_path):
    """Where `python -m venv .` was typed, the data beside it are not shown."""
    for name in ("bin", "lib", "data"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(sandbox.sys, "prefix", str(tmp_path))
    found = {path for path in sandbox.interpreter_folders() if path.is_relative_to(tmp_path)}
    assert found == {tmp_path / "bin", tmp_path / "lib"}


def test_every_link_to_the_interpreter_is_there(monkeypatch, tmp_path):
    """Environments link to versions, which link to installations."""
    for name in ("env", "alias", "real"):
        (tmp_path / name / "bin").mkdir(parents=True)
    (tmp_path / "real" / "bin" / "python").touch()
    (tmp_path / "alias" / "bin" / "python").symlink_to("../../real/bin/python")
    (tmp_path / "env" / "bin" / "python").symlink_to(tmp_path / "alias" / "bin" / "python")
    monkeypatch.setattr(sandbox.sys, "executable", str(tmp_path / "env" / "bin" / "python"))
    assert {tmp_path / "alias" / "bin", tmp_path / "real" / "bin"} <= set(sandbox.interpreter_folders())


def test_root_becomes_somebody_whom_limits_bind(monkeypatch, tmp_path):
    """The number of processes is not limited for root; for a user that nobody else is, it is."""
    monkeypatch.setattr(sandbox, "_kind", lambda: "root")
    monkeypatch.setattr(sandbox, "_features", lambda: "")
    command = sandbox.sandboxed(["/bin/model"], readable=[], folder=tmp_path, scratch_bytes=1, user=7)
    assert "--unshare-user" not in command
    assert command[-2:] == ["7", "/bin/model"]
    assert sandbox.new_user() >= 0x70000000


def test_the_environment_holds_no_secrets(monkeypatch):
    """What computing needs is kept; tokens and proxies are not."""
    monkeypatch.setenv("GITHUB_TOKEN", "hunter2")
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hunter2@proxy")
    threads = ("OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS")
    for name in threads:
        monkeypatch.setenv(name, "3")
    environment = sandbox.environment(Path("/scratch"))
    assert "hunter2" not in str(environment)
    assert [environment[name] for name in threads] == ["3", "3"]
    assert environment["HOME"] == environment["TMPDIR"] == "/scratch"


def test_graphics_cards_are_there_only_where_asked_for(monkeypatch, tmp_path):
    """Devices are bound one by one."""
    monkeypatch.setattr(sandbox, "_kind", lambda: "user")
    monkeypatch.setattr(sandbox, "_features", lambda: "")
    monkeypatch.setattr(sandbox, "_GPU_DEVICES", ("null",))
    arguments = {"readable": [], "folder": tmp_path, "scratch_bytes": 1, "user": 7}
    assert "--dev-bind" not in sandbox.sandboxed(["x"], **arguments)
    assert bound(sandbox.sandboxed(["x"], **arguments, gpu=True), "--dev-bind") == ["/dev/null"]


def test_a_bubblewrap_that_does_not_work_is_none(monkeypatch, tmp_path):
    """That a system forbids namespaces is found out once, and told."""
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    sandbox._problem.cache_clear()
    try:
        assert not sandbox.is_sandboxed()
        assert "does not work here (setting up uid map: Permission denied)" in sandbox.missing_protections()[0]
    finally:
        sandbox._problem.cache_clear()


def environment_of(folder, home):
    """Make a virtual environment as Python makes it, with links to a Python of its own."""
    (home / "bin").mkdir(parents=True)
    (home / "lib").mkdir()
    (home / "bin" / "python3.11").touch()
    (folder / "bin").mkdir(parents=True)
    (folder / "lib").mkdir()
    (folder / "bin" / "python").symlink_to(home / "bin" / "python3.11")
    (folder / "bin" / "segment").touch()
    (folder / "pyvenv.cfg").write_text(f"home = {home / 'bin'}\nversion = 3.11.2\n")


@pytest.mark.parametrize("program", ["python", "segment"])
def test_the_environment_of_a_program_is_its_own_and_that_of_its_python(tmp_path, program):
    """The interpreter, and a program that a package installed: both need the packages and the standard library."""
    environment, home = tmp_path / "project" / "env", tmp_path / "python"
    environment_of(environment, home)
    (tmp_path / "project" / "data").mkdir()
    found = sandbox.environment_folders(environment / "bin" / program)
    expected = {environment / name for name in ("bin", "lib", "pyvenv.cfg")} | {home / "bin", home / "lib"}
    assert set(found) == expected


@pytest.mark.parametrize("by", ["home", "link"])
def test_a_folder_without_a_python_is_nobodys_environment(tmp_path, by):
    """Whatever a stranger's pyvenv.cfg or link says, the user's own folders are not shown."""
    own, env = tmp_path / "user", tmp_path / "env"
    for folder in (own / "bin", own / "lib", env / "bin"):
        folder.mkdir(parents=True)
    (own / "bin" / "tool").touch()
    (env / "pyvenv.cfg").write_text(f"home = {own / 'bin'}\n" if by == "home" else "")
    (env / "bin" / "python").symlink_to(own / "bin" / "tool")
    assert set(sandbox.environment_folders(env / "bin" / "python")) == {env / "bin", env / "pyvenv.cfg"}


def test_a_conda_environment_is_known_by_its_own_folder(tmp_path):
    """It has no pyvenv.cfg."""
    for name in ("bin", "lib", "conda-meta", "pkgs"):
        (tmp_path / name).mkdir()
    assert set(sandbox.environment_folders(tmp_path / "bin" / "python")) == {tmp_path / "bin", tmp_path / "lib"}


def test_a_program_of_no_environment_has_none(tmp_path):
    """Nothing is shown beyond the file."""
    (tmp_path / "bin").mkdir()
    assert (
        sandbox.environment_folders(tmp_path / "bin" / "tool") == sandbox.environment_folders(tmp_path / "tool") == ()
    )
