from ctbench.volume.notices import warn_once


def test_a_warning_is_logged_once(caplog):
    """A run reads the same file several times; another message is another warning."""
    for _ in range(3):
        warn_once("test_notices: a.nii has 100 % of a fault")
    warn_once("test_notices: b.nii has one too")
    assert caplog.messages == ["test_notices: a.nii has 100 % of a fault", "test_notices: b.nii has one too"]
