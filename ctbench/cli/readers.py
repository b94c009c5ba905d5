"""`ctbench readers`: score the readers against each other and study their agreement."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ctbench.cli.options import AsCsv, AsJson, Catalog, Consensus, DatasetArgument, Jobs, Split, chosen_split
from ctbench.cli.output import note, print_frame, show_progress, with_interval, with_sd
from ctbench.errors import UsageError
from ctbench.metric_descriptions import PRINTED_METRICS
from ctbench.scores import without

if TYPE_CHECKING:
    import pandas as pd

    from ctbench.agreement import ReaderStudy, ReadingStudy
    from ctbench.datasets import Dataset
    from ctbench.runs import Run

__all__ = ["readers"]


def readers(
    dataset: DatasetArgument,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FOLDER",
            help="Folder of the run and the study. [default: runs/DATASET/readers and runs/DATASET/reader-study]",
        ),
    ] = None,
    maps: Annotated[
        bool,
        typer.Option(
            "--maps",
            help="Also write a NIfTI map of disagreement for each case; with --lesions also of the lesions' numbers.",
        ),
    ] = False,
    choices: Annotated[
        bool,
        typer.Option(
            "--choices", help="Also fuse every subset of readers, by every rule, and find the tolerance that they keep."
        ),
    ] = False,
    models: Annotated[
        list[Path] | None,
        typer.Option(
            "--model",
            metavar="RUN",
            help="Run of a model: with --choices also rank it on every subset of readers and by every rule. "
            "May be repeated.",
        ),
    ] = None,
    lesions: Annotated[
        bool,
        typer.Option(
            "--lesions", help="Also match the readers' lesions: who finds what others miss, by size, splits and merges."
        ),
    ] = False,
    lesion_tolerance: Annotated[
        float,
        typer.Option(
            "--lesion-tolerance",
            metavar="MM",
            min=0,
            help="Lesions of two readers are one if they overlap or are not further apart than this.",
        ),
    ] = 0.0,
    catalog: Catalog = None,
    split: Split = None,
    consensus: Consensus = "majority",
    jobs: Jobs = -1,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Score each reader against the consensus of the others, and write their agreement as a page and CSV files.

    Example: `ctbench readers my_readers.yaml --maps`
    """
    from ctbench.datasets import load_dataset
    from ctbench.runs import READERS, run

    if models and not choices:
        msg = "--model ranks models by subsets of readers, which is part of --choices: add that option"
        raise UsageError(msg)
    loaded = load_dataset(dataset, catalog=catalog)
    result = run(
        loaded,
        READERS,
        out or Path("runs") / loaded.name / READERS,
        split=chosen_split(loaded, split),
        consensus=consensus,
        jobs=jobs,
        progress=show_progress,
    )
    table = _against_others(result)
    parts = (("maps", maps), ("choices", choices), ("lesions", lesions))
    wanted = "".join(f" --{name}" for name, chosen in parts if chosen)
    wanted += "".join(f" --model {folder}" for folder in models or ())
    wanted += f" --lesion-tolerance {lesion_tolerance:g}" if lesions and lesion_tolerance else ""
    study = _write_study(
        loaded,
        table,
        result,
        out,
        jobs=jobs,
        maps=maps,
        choices=choices,
        models=models or [],
        lesions_mm=lesion_tolerance if lesions else None,
        command=f"ctbench readers {dataset}{wanted}",
    )
    if not (as_json or as_csv):
        table = _wide(table)
    print_frame(table, as_json=as_json, as_csv=as_csv, title="each reader against the consensus of the others")
    if study and not (as_json or as_csv):
        print_frame(study.volumes, title="agreement of the readers' volumes, with 95 % intervals")
    note(f"{'reused' if result.reused else 'run'}: {result.folder}")
    note(f"reader study: {study.page}" if study else "no case has two readers: there is no reader study")


class _Written(NamedTuple):
    """The page of a reader study, and how far volumes agree, as text."""

    page: Path
    volumes: pd.DataFrame


def _write_study(
    dataset: Dataset,
    against_others: pd.DataFrame,
    run: Run,
    out: Path | None,
    *,
    jobs: int,
    maps: bool,
    choices: bool,
    models: list[Path],
    lesions_mm: float | None,
    command: str,
) -> _Written | None:
    """Write page and tables of the reader study of a run's cases; return None if no case has two readers."""
    from ctbench import agreement
    from ctbench.report.page.reader_study import build_reader_study
    from ctbench.runs import open_run

    cases = dataset.select(run.manifest.cases)
    if all(len(case.readers) < 2 for case in cases):
        return None
    folder = out or Path("runs") / dataset.name / "reader-study"
    study = agreement.study_readers(
        cases,
        consensus=run.manifest.consensus,
        jobs=jobs,
        maps=folder / "maps" if maps else None,
        progress=show_progress,
    )
    for case, why in study.skipped.items():
        note(f"case {case} is left out of the reader study: {why}")
    agreement.write_tables(study, folder)
    readings = agreement.study_readings(cases, consensus=run.manifest.consensus, jobs=jobs, progress=show_progress)
    agreement.write_reading_tables(readings, folder)
    summary = agreement.opening_summary(study, readings)
    for sentence in (*([summary] if summary else []), *agreement.opening_sentences(study, readings).values()):
        note(sentence)
    found = None
    if choices:
        found = agreement.study_choices(
            cases,
            consensus=run.manifest.consensus,
            models=[open_run(one) for one in models],
            jobs=jobs,
            progress=show_progress,
        )
        agreement.write_choice_tables(found, folder)
    lesions = None
    if lesions_mm is not None:
        lesions = agreement.study_lesions(
            cases,
            tolerance_mm=lesions_mm,
            jobs=jobs,
            maps=folder / "maps" if maps else None,
            progress=show_progress,
        )
        agreement.write_lesion_tables(lesions, folder)
    page = build_reader_study(
        study,
        folder / "reader-study.html",
        against_others=against_others,
        readings=readings,
        choices=found,
        lesions=lesions,
        command=command,
    )
    return _Written(page, _agreement_of_volumes(study, readings))


def _agreement_of_volumes(study: ReaderStudy, readings: ReadingStudy) -> pd.DataFrame:
    """Return a row for each structure: ICC, overall CCC, and the limits of agreement with the mean of all readings."""
    import pandas as pd

    from ctbench import agreement

    found = agreement.reliability(study)
    rows: dict[str, dict[str, str]] = {}
    for row in found[found["statistic"].isin(_OF_VOLUMES)].to_dict("records"):
        own = rows.setdefault(row["label"], {"label": row["label"]})
        own[_OF_VOLUMES[row["statistic"]]] = with_interval(row["value"], row["low"], row["high"])
    for row in agreement.components(readings).query("quantity == 'volume_ml'").to_dict("records"):
        limits = with_interval(*(row[f"reproducibility{end}"] for end in ("", "_low", "_high")))
        rows.setdefault(row["label"], {"label": row["label"]})[_LIMITS] = limits
    return pd.DataFrame(rows.values()).fillna("-")


_OF_VOLUMES = {"icc(2,1)": "ICC(2,1)", "overall_ccc": "overall CCC"}
_LIMITS = "limits around the mean, ± mL"


def _against_others(run: Run) -> pd.DataFrame:
    """Return mean, sd and n of every reader's scores on the reference fused without this reader."""
    from ctbench.statistics import describe

    scores = run.scores
    own = scores["reference"] == [without(run.manifest.consensus, reader) for reader in scores["rater"]]
    return describe(scores[own], by=("reference", "label", "rater"))


def _wide(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row a structure and reader, and a column a metric with mean ± sd as text."""
    shown = table[table["metric"].isin(PRINTED_METRICS)]
    wide = shown.assign(cell=with_sd(shown["mean"], shown["sd"])).pivot_table(
        index=["label", "rater"], columns="metric", values="cell", aggfunc="first", sort=False
    )
    return wide[[name for name in PRINTED_METRICS if name in wide]].reset_index()
