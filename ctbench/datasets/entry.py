"""Schema of a catalogue entry: the keys of a dataset's YAML (pydantic model)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, model_validator

from ctbench.annotations import PICTURE_FILES, Naming, Pictures
from ctbench.datasets.patterns import Pattern, is_safe_name
from ctbench.labels import LabelSet

__all__ = ["AnnotatedColumn", "Entry", "PictureRule"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _case_pattern(text: str) -> str:
    Pattern(text).expect("case")
    return text


def _mask_pattern(text: str) -> str:
    Pattern(text).expect(*_case_field(text), allowed=("label",))
    return text


def _reader_pattern(text: str) -> str:
    Pattern(text).expect(*_case_field(text), "reader", allowed=("label", "session", "condition"))
    return text


def _own_pattern(text: str) -> str:
    Pattern(text).expect(*_case_field(text), allowed=("label", "session", "condition"))
    return text


def _case_field(text: str) -> tuple[str, ...]:
    """Return the field of the case, which a pattern of files that hold the pictures of several cases may lack."""
    return () if text.lower().endswith(PICTURE_FILES) and "{case}" not in text else ("case",)


def _axes(axes: Any) -> Any:
    if isinstance(axes, list) and sorted(str(axis).removeprefix("-") for axis in axes) != ["x", "y", "z"]:
        msg = f"expected the axes z, y, x in some order, each with or without '-', as in [z, -y, x]; got {axes}"
        raise ValueError(msg)
    return axes


def _picture_name(text: str) -> str:
    Pattern(text).expect(allowed=("case", "slice"))
    return text


def _shared_pattern(text: str) -> str:
    Pattern(text).expect(allowed=("case", "reader"))
    return text


CasePattern = Annotated[str, AfterValidator(_case_pattern)]
MaskPattern = Annotated[str, AfterValidator(_mask_pattern)]
ReaderPattern = Annotated[str, AfterValidator(_reader_pattern)]
OwnPattern = Annotated[str, AfterValidator(_own_pattern)]
SharedPattern = Annotated[str, AfterValidator(_shared_pattern)]
Strings = Annotated[tuple[str, ...], BeforeValidator(_as_list)]


class AnnotatedColumn(_Strict):
    """The column of the case table with the annotated slices, e.g. ``3-7;12`` (from 0, both ends included)."""

    column: str


class PictureRule(_Strict):
    """Which slice an annotated picture is (CVAT, Label Studio), and how it lies; see ``annotations.Pictures``."""

    name: Annotated[str, AfterValidator(_picture_name)] | None = None
    """Pattern of the end of the pictures' names, e.g. ``{case}_{slice}.png``."""
    first: Literal[0, 1] | None = None
    """Number of the first slice in the pictures' names."""
    axes: Annotated[tuple[str, str, str], BeforeValidator(_axes)] | None = None
    """Axes of the image along which slices, rows and columns of the pictures run, e.g. ``[z, -y, x]``."""


class Entry(_Strict):
    """The description of one dataset: its labels, the paths of its files, and how a user obtains them.

    Patterns are relative to ``root``. ``{case}`` and ``{reader}`` match a name without a slash, ``*`` any text within
    one part of the path; a pattern that matches a folder is a DICOM series. In a pattern of masks ``{label}`` matches
    the name of a structure that has a file of its own; one of JSON or XML files with the annotations of several cases
    has no ``{case}``.
    """

    title: str
    """Title of the dataset, one line."""
    modality: Literal["CT", "MR"]
    """As in DICOM."""
    task: Literal["segmentation", "detection", "classification"]
    """Purpose of the annotations; only ``segmentation`` requires a mask for every case."""
    labels: dict[str, StrictInt] = {}
    """Name of a structure -> its code in the label maps; 0 is background. Empty: any codes may occur."""
    groups: dict[str, Strings] = {}
    """Name of a group -> its labels, merged and scored like a label."""

    root: str | None = None
    """Folder of the files: a path (relative to this YAML), ``~``, or with environment variables, ``${NAME}/x``."""
    image: CasePattern | None = None
    """Pattern of the images; without it, the grid of a case is that of its masks."""
    series: str | None = None
    """For a folder with several DICOM series: UID of the image's series, a part of its description, or ``soft-tissue``:
    the axial soft-tissue series of a CT study, by its headers."""
    readers: ReaderPattern | dict[str, OwnPattern] | None = None
    """Pattern of the readers' label maps with ``{reader}``, or one pattern per reader.

    ``{session}`` and ``{condition}`` name the repeats of a reader: see ``session_vote`` and ``conditions``.
    """
    conditions: Strings = ()
    """Names of the conditions under which readers read, e.g. ``[unaided, aided]``; only the first makes references."""
    session_vote: Literal["first", "fused"] = "first"
    """What a reader who read a case in several sessions votes: the first session, or the sessions fused by plurality.

    Sessions are sorted by name; where votes of sessions are equal, the earliest of them decides.
    """
    readings: str | None = None
    """A table (CSV) below ``root`` or beside this YAML with one row per reading: ``case, reader`` and, as far as known,
    ``session, condition, seconds, order, file``."""
    reader_labels: dict[str, Strings] = {}
    """Reader -> the labels that this reader was asked to draw; a reader who is not named was asked for all labels.

    Where a reader was not asked for a label, an undrawn voxel is no vote about it.
    """
    reader_weights: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = {}
    """Reader -> weight of this reader's vote in ``majority`` and ``plurality``; a reader who is not named weighs 1."""
    reference: MaskPattern | None = None
    """Pattern of the single released masks, for a dataset without masks of single readers."""
    reference_holds: Literal["labels", "shares"] = "labels"
    """What the files of the ``reference`` hold: label codes, or, one file per label, the share of readers who drew it
    (floats from 0 to 1, or uint8 codes c for c / 255)."""
    ignore: Annotated[StrictInt, Field(ge=1)] | None = None
    """Code of the voxels of the ``reference`` that do not count, as nnU-Net's ignore label."""
    truth: MaskPattern | None = None
    """Pattern of the true masks of simulated cases; scores do not use them."""
    brain: CasePattern | None = None
    """Pattern of the masks of the brain, on the grids of the images: 0 outside, any other value inside. Probabilities
    are then judged within the brain too."""
    unused: Annotated[tuple[SharedPattern, ...], BeforeValidator(_as_list)] = ()
    """Patterns of volumes that are no image and no mask of this dataset, such as a consensus beside its readers: a
    check of the files does not ask about them."""
    aliases: dict[str, str | None] = {}
    """Name of a segment in the readers' files -> label, or null to leave it out; ``*`` stands for all other names.

    A name of numbers (``"101 103"``) stands for codes of label maps that are merged into the label.
    """
    overlap: Literal["last", "error"] = "error"
    """What voxels in segments of two labels are: of the last segment in the file, or an error."""
    label_descriptions: SharedPattern | None = None
    """Pattern of ITK-SNAP's label descriptions, whose names then say what the codes of a label map are."""
    pictures: PictureRule = PictureRule()
    """Which slice of the image an annotated picture of CVAT or Label Studio is, and how it lies."""
    cases: str | None = None
    """The case table (CSV) below ``root`` or beside this YAML; its rows are the cases."""
    builder: str | None = Field(default=None, pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    """``module:function`` that writes the dataset, called as ``function(folder, **builder_options)``."""
    builder_options: dict[str, Any] = {}

    annotated: Literal["all", "nonempty"] | AnnotatedColumn = "all"
    """Which slices a reader annotated: all, those with any label, or those in a column of the case table."""
    surface: Literal["2d", "3d"] = "3d"
    """Whether distances are measured in the volume or within each axial slice (isolated annotated slices)."""
    tolerance_mm: Annotated[float, Field(ge=0)] | dict[str, Annotated[float, Field(ge=0)]] = 1.0
    """Tolerance of the normalized surface Dice, one for all or by label and group."""

    citation: str = ""
    doi: Strings = ()
    licence: str = ""
    access: str = ""
    """How a user gets the files."""
    url: str | None = None
    notes: str = ""
    unverified: Strings = ()
    """Fields of this entry that were written from general knowledge and not checked against a source."""
    published: Strings = ()
    """Tables (CSV) of figures that papers printed for this dataset, beside this YAML or in the package."""

    @model_validator(mode="after")
    def _consistent(self) -> Entry:
        known = self.label_set.names
        unsafe = [name for name in self.readers if not is_safe_name(name)] if isinstance(self.readers, dict) else []
        if unsafe:
            msg = f"readers: the name {unsafe[0]!r} cannot stand in a path; use letters, digits, '-', '_' and '.'"
            raise ValueError(msg)
        if isinstance(self.tolerance_mm, dict):
            _expect_known("tolerance_mm", self.tolerance_mm, known)
        _expect_known("unverified", self.unverified, tuple(type(self).model_fields))
        _expect_known("aliases", filter(None, self.aliases.values()), tuple(self.label_set))
        for reader, names in self.reader_labels.items():
            _expect_known(f"reader_labels of {reader!r}", names, tuple(self.labels))
        self._expect_conditions()
        if self.readers and self.reference:
            msg = "expected either readers or a reference, not both"
            raise ValueError(msg)
        if self.ignore is not None and (self.ignore in self.labels.values() or not (self.reference and self.labels)):
            msg = f"ignore: {self.ignore} is the code of a label, or there is no reference with labels"
            raise ValueError(msg)
        self._expect_shares()
        if isinstance(self.annotated, AnnotatedColumn) and not self.cases:
            msg = f"annotated names the column {self.annotated.column!r}, so a case table (cases) is needed"
            raise ValueError(msg)
        return self

    def _expect_shares(self) -> None:
        if self.reference_holds == "labels":
            return
        if not self.labels or self.ignore is not None:
            msg = "reference_holds: shares needs labels, and voxels of shares have no code to ignore"
            raise ValueError(msg)
        if "{label}" not in (self.reference or ""):
            msg = "reference_holds: shares needs one file per label: write {label} in the pattern of the reference"
            raise ValueError(msg)

    def _expect_conditions(self) -> None:
        patterns = self.readers.values() if isinstance(self.readers, dict) else [self.readers or ""]
        unsafe = [name for name in self.conditions if not is_safe_name(name)]
        if unsafe:
            msg = f"conditions: the name {unsafe[0]!r} cannot stand in a path; use letters, digits, '-', '_' and '.'"
            raise ValueError(msg)
        if any("{condition}" in pattern for pattern in patterns) and not self.conditions:
            msg = (
                "the pattern of the readers holds {condition}, so list the conditions, the one that makes references "
                "first, e.g. conditions: [unaided, aided]"
            )
            raise ValueError(msg)

    @property
    def label_set(self) -> LabelSet:
        """Labels and groups as a ``LabelSet``."""
        return LabelSet(self.labels, self.groups)

    @property
    def naming(self) -> Naming:
        """Aliases and the rule of overlaps as a ``Naming``; ignored voxels are background in label maps."""
        ignored = {} if self.ignore is None else {str(self.ignore): None}
        return Naming({**self.aliases, **ignored}, self.overlap)

    @property
    def picture_rule(self) -> Pictures:
        """Names, first number and axes of annotated pictures as ``Pictures``."""
        return Pictures(self.pictures.name, self.pictures.first, self.pictures.axes)

    @property
    def has_layout(self) -> bool:
        """Whether the entry has a pattern of any file."""
        return any((self.image, self.readers, self.reference, self.readings))


def _expect_known(field: str, names: Any, known: tuple[str, ...]) -> None:
    strangers = [name for name in names if name not in known]
    if strangers:
        msg = f"{field} names {strangers[0]!r}, expected names among {', '.join(known)}"
        raise ValueError(msg)
