"""Correction of gantry tilt and uneven slice distances of DICOM series by dcm2niix."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from ctbench.errors import VolumeFileError
from ctbench.volume.dicom.series import Series
from ctbench.volume.geometry import Volume
from ctbench.volume.itk import read_file

__all__ = ["convert_series"]


def convert_series(series: Series, *, tilted: bool, uneven: bool, rounded: bool = False) -> Volume | None:
    """Convert a series with dcm2niix and read the result.

    dcm2niix writes the slices as they are, and corrected volumes beside them: ``_Tilt`` (each slice shifted back, the
    field of view made larger), ``_Eq`` (resampled to equal distances) or both. The file with the most corrections is
    read; it must have those that the series needs.

    Args:
        series: The slices.
        tilted: Whether the gantry tilt must be corrected.
        uneven: Whether the slices must be resampled to equal distances.
        rounded: Whether the slices may be read as they are if dcm2niix finds their distances equal, because they differ
            by no more than rounded positions do.

    Returns:
        The volume; None if ``rounded``, and dcm2niix made no correction.

    Raises:
        VolumeFileError: dcm2niix failed, wrote several volumes, or lacks a correction that the series needs.
    """
    with tempfile.TemporaryDirectory(prefix="ctbench-dicom-") as temporary:
        written = _run_dcm2niix(series, Path(temporary))
        most = max(map(_corrections, written), key=len)
        if rounded and not most:
            return None
        chosen = [path for path in written if _corrections(path) == most]
        needed = {name for name, needs in (("Tilt", tilted), ("Eq", uneven and not rounded)) if needs}
        if len(chosen) != 1 or not needed <= most:
            names = ", ".join(path.name for path in written)
            what = " and ".join(sorted(needed)) or "no correction"
            msg = f"dcm2niix made {names} of DICOM series {series}; expected one volume with {what}; convert it by hand"
            raise VolumeFileError(msg)
        return read_file(chosen[0])


def _corrections(path: Path) -> frozenset[str]:
    return frozenset({"Tilt", "Eq"} & set(path.stem.split("_")))


def _run_dcm2niix(series: Series, folder: Path) -> list[Path]:
    import dcm2niix  # only these series need it

    slices, output = folder / "slices", folder / "output"
    slices.mkdir()
    output.mkdir()
    for index, one in enumerate(series.slices):
        shutil.copyfile(one.path, slices / f"{index:05d}.dcm")
    # -b n: no sidecar; -z n: plain NIfTI; -m y: one series is one volume; -g i: not the user's own defaults.
    options = ["-b", "n", "-z", "n", "-m", "y", "-g", "i", "-f", "volume", "-o", str(output)]
    done = subprocess.run(
        [dcm2niix.bin, *options, str(slices)], capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    written = sorted(output.glob("*.nii"))
    if done.returncode != 0 or not written:
        said = (done.stdout + done.stderr).strip().splitlines()
        msg = f"dcm2niix could not convert DICOM series {series}: {said[-1] if said else 'it printed no message'}"
        raise VolumeFileError(msg)
    return written
