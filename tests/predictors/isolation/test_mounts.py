from pathlib import Path

from ctbench.predictors.isolation import mounts


def test_mount_points_inside_a_folder(monkeypatch):
    """Those below it alone, outermost first; the folder itself is none."""
    points = [Path(name) for name in ("/", "/data", "/data/x/y", "/data/x", "/database")]
    monkeypatch.setattr(mounts, "_mount_points", lambda: points)
    assert mounts.mounted_below(Path("/data")) == [Path("/data/x"), Path("/data/x/y")]
    assert mounts.mounted_below(Path("/elsewhere")) == []


def test_spaces_in_names_are_read():
    """Linux writes them as octal numbers."""
    assert mounts._unescaped(r"/mnt/a\040b\134c") == "/mnt/a b\\c"


def test_the_root_is_a_mount_point():
    """On this machine, whatever else is mounted."""
    assert Path("/") in mounts._mount_points()


def test_one_file_has_one_identity(tmp_path):
    """Whether a link or another name leads to it; what is not there has none."""
    original, link, twin = tmp_path / "original", tmp_path / "link", tmp_path / "twin"
    original.write_text("x")
    link.symlink_to(original)
    twin.hardlink_to(original)
    assert len(mounts.identities([original, link, twin, tmp_path / "absent"])) == 1
    assert len(mounts.identities([original, tmp_path])) == 2
