import os

from ctbench.runs.stamps import first_changed, stamps


def test_a_file_that_changes_appears_or_goes_is_found(tmp_path):
    """Also with its old size and time, and directly in a folder; the first by path is named."""
    kept, changed, folder = tmp_path / "a", tmp_path / "b", tmp_path / "folder"
    kept.write_text("kept")
    changed.write_text("old")
    folder.mkdir()
    (folder / "inside").write_text("one")
    places = [kept, changed, folder]
    before = stamps(places)
    assert first_changed(before, stamps(places)) is None
    time = changed.stat().st_mtime_ns
    changed.write_text("new")
    os.utime(changed, ns=(time, time))
    assert first_changed(before, stamps(places)) == changed
    now = stamps(places)
    (folder / "inside").unlink()
    assert first_changed(now, stamps(places)) == folder / "inside"
    (folder / "more").write_text("two")
    assert folder / "more" in stamps(places)


def test_a_file_that_is_not_there_has_an_empty_stamp(tmp_path):
    """It is changed once it is there."""
    path = tmp_path / "later"
    before = stamps([path])
    assert before == {path: ()}
    path.write_text("")
    assert first_changed(before, stamps([path])) == path
