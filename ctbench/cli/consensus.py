"""`ctbench consensus`: fuse readers' masks into references."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctbench.cli.options import AsCsv, AsJson, Catalog, Consensus, Format, MaskImage, Split, chosen_split
from ctbench.cli.output import note, print_frame, show_progress
from ctbench.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from ctbench.annotations import MapFormat
    from ctbench.volume import Volume

__all__ = ["consensus"]


def consensus(
    masks: Annotated[
        list[Path] | None, typer.Argument(metavar="[MASK...]", help="Masks of one case, one a reader.")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset", "-d", metavar="DATASET", help="Fuse all cases of this dataset (name or YAML file) instead."
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="Folder of the references.")] = Path("consensus"),
    rule: Consensus = "majority",
    method: Annotated[
        str | None, typer.Option("--method", hidden=True, help="Earlier name of --consensus, still accepted.")
    ] = None,
    image: MaskImage = None,
    form: Format = "nifti",
    catalog: Catalog = None,
    split: Split = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Fuse readers' masks: writes labels, excluded voxels and vote share, prints the share of indeterminate voxels.

    Example: `ctbench consensus reader1.nii.gz reader2.nii.gz reader3.nii.gz --out fused`
    """
    import pandas as pd

    from ctbench.annotations import MapFormat
    from ctbench.datasets import load_dataset
    from ctbench.references import write_consensus

    if bool(masks) == (dataset is not None):
        msg = "expected either the masks of one case or --dataset NAME"
        raise UsageError(msg)
    if dataset is not None and image is not None:
        msg = "--image belongs to the masks of one case; the images of a dataset stand in its YAML"
        raise UsageError(msg)
    rule = method or rule
    if dataset is None:
        frame = _fuse_files(masks or [], rule, out, image, MapFormat(form))
    else:
        loaded = load_dataset(dataset, catalog=catalog)
        wanted = chosen_split(loaded, split)
        cases = [case for case in loaded if wanted in {"", case.split or ""}]
        steps = (
            write_consensus(
                case.id,
                case.label_maps(),
                loaded.labels,
                rule,
                out,
                form=MapFormat(form),
                source=case.image_path,
                series=case.series,
            )
            for case in cases
        )
        frame = pd.concat(show_progress("consensus", steps, len(cases)), ignore_index=True)
    print_frame(frame, as_json=as_json, as_csv=as_csv)
    note(f"references: {out}")


def _fuse_files(masks: Sequence[Path], rule: str, out: Path, image: Path | None, form: MapFormat) -> pd.DataFrame:
    from ctbench.annotations import found_labels, named_labels, read_annotation
    from ctbench.datasets import LabelMaps
    from ctbench.references import write_consensus
    from ctbench.volume import read_geometry

    for number, path in enumerate(masks):
        if path.resolve() in [other.resolve() for other in masks[:number]]:
            msg = f"{path} is named twice; name the mask of each reader once"
            raise UsageError(msg)
    names = [path.name.split(".")[0] for path in masks]
    if len(set(names)) < len(names):
        names = [str(path) for path in masks]
    labels = named_labels(masks)
    grid, grid_name = (None, str(masks[0])) if image is None else (read_geometry(image), str(image))
    volumes: dict[str, Volume] = {}
    for name, path in zip(names, masks, strict=True):
        volumes[name] = read_annotation(path, labels=labels, image=grid, image_name=grid_name)
        grid = grid or volumes[name].geometry
    drawn = LabelMaps(volumes, dict.fromkeys(volumes))
    labels = labels or found_labels(drawn.arrays.values())
    return write_consensus("consensus", drawn, labels, rule, out, form=form, source=image)
