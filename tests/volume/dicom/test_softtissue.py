import logging

import pytest

from ctbench import notices
from ctbench.errors import VolumeFileError
from ctbench.volume import read_volume
from ctbench.volume.dicom.series import Series, Slice, choose_series
from ctbench.volume.dicom.softtissue import SOFT_TISSUE, fit_soft_tissue, sharpness

AXIAL, CORONAL, SAGITTAL = (1, 0, 0, 0, 1, 0), (1, 0, 0, 0, 0, -1), (0, 1, 0, 0, 0, -1)
TILTED = (1, 0, 0, 0, 0.9, -0.436)


@pytest.fixture
def series(tmp_path):
    """Make a series of ten slices with a made-up header; its description is its name."""

    def make(name, **header):
        fields = {
            "patient": "p",
            "image_type": "ORIGINAL\\PRIMARY\\AXIAL",
            "size": (512, 512, 1),
            "spacing_mm": (0.5, 0.5),
            "components": 1,
            "orientation": AXIAL,
            "position": (0.0, 0.0, 0.0),
            "tilt_degrees": 0.0,
            "modality": "CT",
            "kernel": "H31s",
            "thickness_mm": 5.0,
            **header,
        }
        one = Slice(path=tmp_path / name, series_uid=f"1.{name}", description=name, **fields)
        return Series(one.series_uid, name, (one,) * 10)

    return make


@pytest.mark.parametrize(
    ("kernel", "kind"),
    [
        *((one, "soft") for one in ("STANDARD", "SOFT", "H31s", "J40s\\3", "Hr40f\\3", "FC21", "FC64", "UB", "Brain")),
        *((one, "sharp") for one in ("BONE", "BONEPLUS", "LUNG", "H60s", "Hr64h\\3", "FC30", "FC81", "YC", "D")),
        *((one, "unknown") for one in ("", "DETAIL", "C", "FC43", "Head 5 mm")),
    ],
)
def test_kernels_of_the_vendors(kernel, kind):
    """GE's words, Siemens' numbers, Canon's tens and Philips' letters; anything else is not known."""
    assert sharpness(kernel) == kind


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"modality": "MR"}, "modality MR, not CT"),
        ({"image_type": "ORIGINAL\\PRIMARY\\LOCALIZER"}, "cannot be a volume"),
        ({"image_type": "DERIVED\\SECONDARY\\REFORMATTED"}, "image type DERIVED REFORMATTED SECONDARY"),
        ({"contrast": "IV"}, "with contrast agent"),
        ({"orientation": CORONAL}, "coronal"),
        ({"orientation": SAGITTAL}, "sagittal"),
        ({"orientation": None}, "no orientation"),
        ({"kernel": "H60s"}, "sharp kernel 'H60s'"),
        ({"kernel": "DETAIL"}, "kernel 'DETAIL', not known as soft"),
    ],
)
def test_each_rule_leaves_out_what_it_should(series, other, reason):
    """The other series would win by its thickness alone, and the reason stands beside its UID."""
    wanted = series("wanted", thickness_mm=1.0)
    fitting, reasons = fit_soft_tissue([series("other", **other), wanted])
    assert fitting == (wanted,)
    assert reasons["1.other"] == reason
    assert reasons["1.wanted"] == "axial, kernel 'H31s', 1 mm, not derived"


def test_the_thickness_nearest_to_5_mm_wins(series):
    """Of 1, 4.8 and 8 mm and one that is not stated; a tilted gantry is axial."""
    chosen = series("4.8", thickness_mm=4.8, orientation=TILTED)
    others = [series("1", thickness_mm=1.0), series("8", thickness_mm=8.0), series("?", thickness_mm=None)]
    assert fit_soft_tissue([*others, chosen])[0] == (chosen,)
    assert fit_soft_tissue(others[-1:])[0] == tuple(others[-1:])


def test_without_a_kernel_the_description_counts(series):
    """As where anonymisation took the kernel away."""
    bone, brain = series("Head bone", kernel=""), series("Head brain", kernel="")
    assert fit_soft_tissue([bone, brain])[0] == (brain,)
    unnamed = series("Head", kernel="")
    assert fit_soft_tissue([bone, unnamed])[0] == (unnamed,)


@pytest.mark.parametrize(("kernel", "count"), [("H31s", 2), ("H60s", 0)])
def test_a_tie_or_none_is_refused_with_the_list(series, tmp_path, kernel, count):
    """Every series stands there with the reason for or against it."""
    found = (series("first", kernel=kernel), series("again", kernel=kernel))
    with pytest.raises(VolumeFileError, match=f"'soft-tissue' fits {count} DICOM series") as caught:
        choose_series(found, SOFT_TISSUE, tmp_path)
    _, reasons = fit_soft_tissue(found)
    assert all(f"{one}: {reasons[one.uid]}" in str(caught.value) for one in found)


def test_a_study_is_read_and_the_choice_is_said(write_series, caplog, monkeypatch):
    """From files: the soft axial series at 5 mm, with the reasons in the log, once."""
    monkeypatch.setattr(notices, "_said", set())
    soft = {"0018|1210": "STANDARD", "0018|0050": "5"}
    write_series([0, 5, 10], "thin", "1.2.1", tags={**soft, "0018|0050": "1.25"})
    write_series([0, 5, 10], "bone", "1.2.2", tags={**soft, "0018|1210": "BONE"})
    study = write_series([0, 5, 10, 15], "soft", "1.2.3", tags=soft).parent
    with caplog.at_level(logging.WARNING, logger="ctbench"):
        for _ in range(2):
            assert read_volume(study, series=SOFT_TISSUE).shape == (4, 4, 5)
    (record,) = caplog.records
    assert "1.2.3 is read as the soft-tissue series" in record.message
    assert "sharp kernel 'BONE'" in record.message
    assert "axial, kernel 'STANDARD', 1.25 mm, not derived" in record.message
