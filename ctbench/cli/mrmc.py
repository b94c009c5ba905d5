"""`ctbench mrmc`: multi-reader multi-case analysis of a table of ratings, or of a model against the readers of runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from ctbench.cli.options import AsCsv, AsJson
from ctbench.cli.output import note, print_frame
from ctbench.errors import DataError, UsageError

if TYPE_CHECKING:
    import pandas as pd

    from ctbench.report.frames.comparable_runs import ComparableRuns
    from ctbench.statistics import Mrmc

__all__ = ["mrmc"]


def mrmc(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="RATINGS|RUN...",
            help="CSV file of ratings (columns condition, reader, case, truth, rating), or folders of "
            "runs of models and readers on one dataset.",
        ),
    ],
    figure: Annotated[
        str,
        typer.Option(
            "--figure",
            metavar="FIGURE",
            help="Figure of merit of ratings: auc, sensitivity, specificity or mean; of marks: afroc, wafroc, wafroc1, "
            "lroc or hrauc.",
        ),
    ] = "auc",
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", metavar="RATING", help="Ratings above it are positive (sensitivity, specificity)."),
    ] = None,
    covariance: Annotated[
        str, typer.Option("--covariance", metavar="METHOD", help="Covariances by jackknife, delong or unbiased.")
    ] = "jackknife",
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="COLUMN", help="Leave out cases with the same value together, e.g. patient."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME", help="Compare this reader of the CSV file with all other readers."),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option("--margin", metavar="DIFFERENCE", help="Also test non-inferiority and equivalence within it."),
    ] = None,
    direction: Annotated[
        str,
        typer.Option(
            "--direction",
            metavar="WAY",
            help="Whether higher or lower values are better, for --margin with --figure mean. Runs: as for the metric.",
        ),
    ] = "higher",
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="METRIC", help="Metric of the runs. May be repeated. [default: dice]"),
    ] = None,
    plan: Annotated[
        float | None,
        typer.Option(
            "--plan", metavar="DIFFERENCE", help="Print how many cases a next study needs to find this difference."
        ),
    ] = None,
    plan_width: Annotated[
        float | None,
        typer.Option(
            "--plan-width",
            metavar="HALF_WIDTH",
            help="Print how many cases a next study needs for 95 % intervals of a difference of at most +- this.",
        ),
    ] = None,
    power: Annotated[float, typer.Option("--power", metavar="SHARE", help="The wanted power of --plan.")] = 0.8,
    readers: Annotated[
        list[int] | None,
        typer.Option(
            "--readers", metavar="N", min=2, help="Plan for this number of readers. May be repeated. [default: 2 to 20]"
        ),
    ] = None,
    as_json: AsJson = False,
    as_csv: AsCsv = False,
) -> None:
    """Compare conditions, or models with readers, over populations of readers and cases (Obuchowski-Rockette, Hillis).

    Of runs, model and reader j are scored on the reference made without reader j, so that the readers are a sample of
    readers, and nobody helped to make the reference.

    With `--plan` or `--plan-width` the study is the pilot of the next one, and its plan is printed instead: for each
    number of readers the smallest number of cases.

    Example: `ctbench mrmc ratings.csv`, or `ctbench mrmc runs/phantom-anatomy/*`
    """
    wanted = _Plan(plan, plan_width, power, tuple(readers or ()))
    if len(sources) == 1 and not sources[0].is_dir():
        study = _of_ratings(sources[0], figure, threshold, covariance, cluster, model, margin, direction)
        table = wanted.of(study) if wanted else study.table
    else:
        table = _of_runs(sources, metric or ["dice"], margin, wanted)
    print_frame(table, as_json=as_json, as_csv=as_csv)


class _Plan(NamedTuple):
    """What the next study is to find; see ``ctbench.statistics.mrmc_cases_needed``."""

    difference: float | None
    half_width: float | None
    power: float
    readers: tuple[int, ...]

    def __bool__(self) -> bool:
        return self.difference is not None or self.half_width is not None

    def of(self, pilot: Mrmc) -> pd.DataFrame:
        from ctbench.statistics import mrmc_cases_needed

        asked: dict[str, Any] = {"readers": self.readers} if self.readers else {}
        return mrmc_cases_needed(
            pilot, difference=self.difference, half_width=self.half_width, power=self.power, **asked
        )


def _of_ratings(
    path: Path,
    figure: str,
    threshold: float | None,
    covariance: str,
    cluster: str | None,
    model: str | None,
    margin: float | None,
    direction: str,
) -> Mrmc:
    from ctbench.statistics import mrmc as compare_conditions
    from ctbench.statistics import mrmc_against_readers

    ratings = _read(path)
    asked: dict[str, Any] = {
        "figure": figure,
        "threshold": threshold,
        "covariance": covariance,
        "cluster": cluster,
        "margin": margin,
        "direction": direction,
    }
    study = (
        compare_conditions(ratings, **asked) if model is None else mrmc_against_readers(ratings, model=model, **asked)
    )
    note(f"{study.figure} of {len(study.values)} readings, {study.cases} cases, design: {study.design}")
    for row in study.values.to_dict("records"):
        note(f"  {row['condition']}, {row['reader']}: {row['value']:.4f}")
    names = ("variance", "cov1", "cov2", "cov3")
    note("components: " + ", ".join(f"{name} {value:.3g}" for name, value in zip(names, study.components, strict=True)))
    return study


_WORDS = ("condition", "reader", "case", "truth", "lesion", "patient")
_PACKED = {".gz", ".bz2", ".xz", ".zst", ".zip", ".tar"}
_TRUE, _FALSE = {"1", "1.0", "true", "yes"}, {"0", "0.0", "false", "no"}


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    # Not unpacked: a small archive may hold gigabytes.
    if path.suffix.lower() in _PACKED:
        msg = f"{path} is compressed; unpack it, and name the CSV file"
        raise UsageError(msg)
    try:
        ratings = pd.read_csv(path, dtype=dict.fromkeys(_WORDS, str), compression=None)
        if "rating" in ratings:
            ratings["rating"] = pd.to_numeric(ratings["rating"])
    except FileNotFoundError:
        msg = f"{path} does not exist; expected a CSV file of ratings, or folders of runs"
        raise UsageError(msg) from None
    except (OSError, ValueError) as error:
        msg = f"{path} is not a table of ratings: {' '.join(str(error).split())}"
        raise DataError(msg) from error
    if "truth" in ratings:
        truth = ratings["truth"].str.strip().str.lower()
        wrong = ~truth.isin(_TRUE | _FALSE)
        if wrong.any():
            line = int(wrong.to_numpy().argmax())
            msg = f"{path}: truth must be 0 or 1, got {ratings['truth'].iloc[line]!r} in line {line + 2}"
            raise DataError(msg)
        ratings["truth"] = truth.isin(_TRUE)
    return ratings


def _of_runs(folders: list[Path], metrics: list[str], margin: float | None, plan: _Plan) -> pd.DataFrame:
    import pandas as pd

    from ctbench.report.frames.comparable_runs import gather
    from ctbench.report.frames.reader_population import can_be_population, population_table
    from ctbench.runs import open_run

    parts = []
    for results in gather([open_run(folder) for folder in folders]):
        if not can_be_population(results):
            msg = (
                f"the runs on {results.dataset} have {len(results.models)} models and {len(results.readers)} readers "
                "with leave-one-out references; expected a model and two readers or more: name the readers' run too"
            )
            raise UsageError(msg)
        for metric in metrics:
            if metric not in results.metrics:
                msg = f"metric {metric!r} was not scored on {results.dataset}; scored are {', '.join(results.metrics)}"
                raise UsageError(msg)
            own = [
                _planned(results, model, metric, plan) if plan else population_table(results, model, metric, margin)
                for model in results.models
            ]
            parts += [table.assign(dataset=results.dataset) for table in own if len(table)]
    if not parts:
        msg = "no structure has two cases in which the model and all readers have a value on all references"
        raise UsageError(msg)
    table = pd.concat(parts, ignore_index=True)
    return table[["dataset", *table.columns.drop("dataset")]]


def _planned(results: ComparableRuns, model: str, metric: str, plan: _Plan) -> pd.DataFrame:
    """Return the plan of a next study of a model and readers, by structure."""
    import pandas as pd

    from ctbench.report.frames.reader_population import population_studies

    parts = [
        plan.of(study).assign(label=label, model=model, metric=metric)
        for label, study in population_studies(results, results.positive_scores, model, metric)
    ]
    if not parts:
        return pd.DataFrame()
    table = pd.concat(parts, ignore_index=True)
    return table[["label", "model", "metric", *table.columns.drop(["label", "model", "metric"])]]
