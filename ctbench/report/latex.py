"""The papers' tables in LaTeX: mean ± SD with asterisks, ready to paste."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from ctbench.datasets import Dataset
from ctbench.files import write_text
from ctbench.report.frames import tables
from ctbench.report.frames.case_calls import RATES, calls, can_detect, detection_rows
from ctbench.report.frames.cohorts import Cohort, cohorts_of
from ctbench.report.frames.comparable_runs import ComparableRuns, gather
from ctbench.report.frames.models_vs_readers import compared_with_readers, gaps_to_readers
from ctbench.report.frames.summaries import summary
from ctbench.report.wording import fixed, mean_sd, metric_heading, with_interval
from ctbench.runs import Run
from ctbench.statistics import OVERALL

__all__ = ["NEEDS", "escaped", "latex_table", "latex_tables", "write_latex"]

NEEDS = "% Needs \\usepackage{booktabs}; names with letters beyond Latin need XeLaTeX or LuaLaTeX.\n"
"""First line of a file of such tables."""
_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "−": "$-$",
    "±": "$\\pm$",
    "≥": "$\\geq$",
    "–": "--",
    **{sign: f"\\{sign}" for sign in "{}$&#%_"},
}
_MARKS = "* the reader is better, \\textdagger{} the model is better"
_PAIRED = "($P < .05$, paired $t$ test clustered by patient, Holm over the readers)"
_PAPERS = "($P < .05$, categorical linear regression)"


def write_latex(
    runs: Iterable[Run], path: str | PathLike[str], *, datasets: Mapping[str, Dataset] | None = None
) -> Path:
    """Write ``latex_tables`` to a file; raises as it does, and ``StoreError`` where the file cannot be written."""
    write_text(path, latex_tables(runs, datasets=datasets))
    return Path(path)


def latex_tables(runs: Iterable[Run], *, datasets: Mapping[str, Dataset] | None = None) -> str:
    """Return the tables that the papers print, for each dataset.

    These are the overall scores of all raters (mean ± SD); for each model the comparison with the readers by structure,
    on leave-one-out references where there are any and on the common one, with Cai's asterisks; and detection, with
    95 % intervals.

    Args:
        runs: Runs of models and readers, on one dataset or several.
        datasets: Name -> dataset; used for the patient of each case in tests.

    Raises:
        UsageError: no runs, or runs of one dataset that cannot be compared.
    """
    return NEEDS + "\n".join(table for one in cohorts_of(gather(runs, datasets)) for table in _of(one))


def escaped(words: object) -> str:
    """Write words so that LaTeX prints them; line breaks and other whitespace become spaces."""
    return "".join(_ESCAPES.get(sign, sign) for sign in " ".join(str(words).split()))


def _of(cohort: Cohort) -> Iterator[str]:
    results = cohort.results
    yield from _overall(results, cohort.name)
    references = [*([tables.LEAVE_ONE_OUT] if results.leave_one_out else []), results.common]
    for model in results.models:
        for reference in references:
            if results.readers:
                yield from _comparisons(results, cohort.name, model, reference)
    if can_detect(results):
        yield _detection(results, cohort.name)


def _overall(results: ComparableRuns, name: str) -> Iterator[str]:
    for over, models in results.scopes.items():
        table = summary(results, over, models, reference=results.fair, metrics=results.chief_metrics)
        units = table.drop_duplicates("metric").set_index("metric")["unit"]
        heads = ["Rater", "$n$", *(escaped(metric_heading(name, units[name])) for name in units.index)]
        rows = []
        for rater, own in table.groupby("rater", sort=False):
            found = own.set_index("metric").to_dict("index")
            means = [_mean_sd(found[name]["mean"], found[name]["sd"], units[name]) for name in units.index]
            rows.append([escaped(rater), str(found[units.index[0]]["n"]), *means])
        what = f"{results.scope_title(over)} on {name}, {_against(results, results.fair)}, mean ± SD over cases"
        yield latex_table(heads, rows, escaped(what) + ".")


def _comparisons(results: ComparableRuns, name: str, model: str, reference: str) -> Iterator[str]:
    tested = compared_with_readers(results, model, reference, results.chief_metrics)
    gaps = gaps_to_readers(results, model, reference, results.chief_metrics)
    for metric, compared in tested.items():
        yield _comparison(results, name, model, reference, metric, compared, gaps[metric])


def _comparison(
    results: ComparableRuns,
    name: str,
    model: str,
    reference: str,
    metric: str,
    compared: pd.DataFrame,
    gap: pd.DataFrame,
) -> str:
    gaps: dict[Any, Any] = gap.set_index("label").to_dict("index")
    unit, paired = results.unit(metric), reference == tables.LEAVE_ONE_OUT
    readers = list(compared["rater"].unique())
    shares = ["of volume, %"] if unit == "mL" else []
    names = [name for reader in readers for name in (reader, model)] if paired else [model, *readers]
    heads = ["Structure", *map(escaped, names), "Readers $-$ model", *map(escaped, shares)]
    rows = []
    for label, own in compared.groupby("label", sort=False):
        by_reader = own.set_index("rater").to_dict("index")
        cells = [] if paired else [_of_model(own.iloc[0].to_dict(), unit)]
        for reader in readers:
            row = by_reader.get(reader)
            cells.append("--" if row is None else _mean_sd(row["mean"], row["sd"], unit) + _mark(row))
            cells += ([_of_model(row, unit) if row else "--"]) if paired else []
        numbers = [(gaps[label]["difference"], unit)]
        numbers += [(gaps[label]["share_percent"], "mL")] if shares else []
        rows.append([escaped(label), *cells, *(escaped(fixed(value, one)) for value, one in numbers)])
    against = _against(results, reference)
    what = f"{metric_heading(metric, unit)} of the readers and {model} on {name}, {against}"
    return latex_table(
        heads,
        rows,
        f"{escaped(what)}, mean $\\pm$ SD over cases. {_MARKS} {_PAIRED if paired else _PAPERS}.",
        last=OVERALL,
    )


def _against(results: ComparableRuns, reference: str) -> str:
    if reference == tables.LEAVE_ONE_OUT:
        return f"each reader and the model against the {results.common} of the other readers"
    return f"against {reference}" + (", to which the readers contribute" if results.readers else "")


def _detection(results: ComparableRuns, name: str) -> str:
    heads = ["Rater", "Structure", "Call", "$n$", "Positive"]
    heads += [title if name == "auc" else f"{title}, \\%" for name, title in RATES.items()]
    rows = [
        [
            *(escaped(row[name]) for name in ("rater", "label", "by", "n", "positive")),
            *(_rate(row, name) for name in RATES),
        ]
        for row in detection_rows(calls(results)).to_dict("records")
    ]
    return latex_table(heads, rows, f"Detection on {escaped(name)}, with 95\\,\\% intervals.")


def _rate(row: dict[Any, Any], name: str) -> str:
    scale, unit = (1, "1") if name == "auc" else (100, "%")
    value, low, high = (scale * row[name + ending] for ending in ("", "_low", "_high"))
    return escaped(with_interval(value, low, high, unit))


def _mean_sd(mean: float, sd: float, unit: str) -> str:
    return escaped(mean_sd(mean, sd, unit))


def _of_model(row: dict[Any, Any], unit: str) -> str:
    return _mean_sd(row["model_mean"], row["model_sd"], unit)


def _mark(row: dict[Any, Any]) -> str:
    return "*" if row["reader_better"] else "\\textdagger{}" if row["model_better"] else ""


def latex_table(heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str, last: str = "") -> str:
    """Return a table; a rule stands above the row that is called ``last``, words are escaped already."""
    lines = [
        "\\begin{table}",
        "\\centering",
        f"\\caption{{{caption}}}",
        f"\\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
        "\\toprule",
        _row(heads),
        "\\midrule",
    ]
    for index, row in enumerate(rows):
        if last and row[0] == last and index:
            lines.append("\\midrule")
        lines.append(_row(row))
    lines += ["\\bottomrule", "\\end{tabular}", "\\end{table}", ""]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
