import threading
import warnings

import pytest

from ctbench import notices
from ctbench.metrics import IsolatedSlicesWarning
from ctbench.notices import collected_notices, log_own_warnings, warn_once
from ctbench.parallel import in_parallel


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    """Each test hears every warning anew."""
    monkeypatch.setattr(notices, "_said", set())


def test_a_warning_is_logged_once(caplog):
    """A run reads the same file several times; another message is another warning."""
    for _ in range(3):
        warn_once("a.nii has 100 % of a fault")
    warn_once("b.nii has one too")
    warn_once("c/a.nii is turned", about="c")
    warn_once("c/b.nii is turned", about="c")
    assert caplog.messages == ["a.nii has 100 % of a fault", "b.nii has one too", "c/a.nii is turned"]


def test_collected_warnings_are_not_logged(caplog):
    """They are listed for the process that logs them, each once; those of another thread are logged as ever."""
    with collected_notices() as found:
        for message in ("a", "a", "b"):
            warn_once(message, about="" if message == "a" else "folder")
        other = threading.Thread(target=warn_once, args=("of another thread",))
        other.start()
        other.join()
    assert found == [("a", "a"), ("b", "folder")]
    assert caplog.messages == ["of another thread"]


def test_warnings_before_an_error_are_not_lost(caplog):
    """The block raises, and what was collected is logged."""
    with pytest.raises(KeyError), collected_notices():
        raise KeyError(warn_once("before the error"))
    assert caplog.messages == ["before the error"]


def warn_of_a_folder(number):
    """What workers do: the same fault in each of them, and Python's warning of a class of ours."""
    warn_once(f"case {number} is turned", about="turned")
    warnings.warn(f"{number} slices", IsolatedSlicesWarning, stacklevel=2)
    return number


@pytest.mark.filterwarnings("ignore::ctbench.metrics.IsolatedSlicesWarning")
@pytest.mark.parametrize("jobs", [1, 2])
def test_workers_are_heard_once(caplog, capfd, jobs):
    """Two processes and twelve steps: one line for each fault, in this process, and none on the workers' own stderr."""
    assert sorted(in_parallel(warn_of_a_folder, [(number,) for number in range(12)], jobs)) == list(range(12))
    said = [message for message in caplog.messages if "turned" in message]
    assert len(said) == 1
    assert len([message for message in caplog.messages if "slices" in message]) == (1 if jobs > 1 else 0)
    assert capfd.readouterr().err == ""


def test_own_warnings_of_python_become_one_line(caplog, monkeypatch):
    """On the command line; those of other packages are shown as Python does."""
    shown = []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_: shown.append(str(message)))
    log_own_warnings()
    log_own_warnings()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        for number in (1, 2):
            warnings.warn(f"{number} slices are isolated", IsolatedSlicesWarning, stacklevel=1)
        warnings.warn("of numpy", RuntimeWarning, stacklevel=1)
    assert caplog.messages == ["1 slices are isolated"]
    assert shown == ["of numpy"]
