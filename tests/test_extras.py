import sys

import pytest

from ctbench.errors import UsageError
from ctbench.extras import import_extra


def test_an_installed_package_is_imported():
    """The module itself comes back."""
    assert import_extra("json.decoder", "annotations", "reading").JSONDecoder is sys.modules["json.decoder"].JSONDecoder


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    """The message says what needs it, and which extra holds it."""
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(
        UsageError, match=r"^reading SEG needs pydicom, .*; run in the repository: pip install '\.\[annotations\]'$"
    ):
        import_extra("pydicom", "annotations", "reading SEG")
