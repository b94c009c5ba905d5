import pandas as pd
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ctbench.boards.blocks import (
    Entry,
    Extent,
    blocks,
    digests_by_run,
    extents_from_json,
    extents_to_json,
    laid_out,
    name_columns,
    spans_of,
)

COLUMNS = ["run", "rater", "rater_kind", "case", "label", "value", "status"]


def table_of(rows):
    """Code rows as the derived tables of a board are."""
    frame = pd.DataFrame(rows, columns=COLUMNS)
    coded = {
        name: pa.array(frame[name].tolist(), pa.string()).dictionary_encode() for name in COLUMNS if name != "value"
    }
    return pa.table(coded | {"value": pa.array(frame["value"].to_numpy(float))})


def scores_in(parts):
    """Give (run, rater, kind, case, label) -> (value, status), each of which may be there once."""
    found = {}
    for part in parts:
        for at, entry in enumerate(part.extent.entries):
            for row, case in enumerate(part.extent.cases):
                for column, label in enumerate(part.extent.labels):
                    assert (*entry, case, label) not in found
                    number = part.values[at, row, column], part.statuses[part.status[at, row, column]]
                    found[(*entry, case, label)] = number
    return found


rows = st.tuples(
    *map(st.sampled_from, (["r", "s"], ["ann", "bob"], ["reader", "model"], ["a", "b", "c"], ["iph", "ivh", "sah"])),
    st.sampled_from([0.25, 0.5, 1.0]),
    st.sampled_from(["ok", "prediction_empty"]),
)


@given(st.lists(rows, max_size=60))
def test_no_score_is_lost_or_moved(given_rows):
    """Whatever rows there are, in whatever order: each score stands under its names, the last of two of one counts."""
    ordered, extents = laid_out(table_of(given_rows))
    expected = {tuple(row[:5]): tuple(row[5:]) for row in given_rows}
    assert scores_in(blocks(ordered, extents_from_json(extents_to_json(extents)))) == expected
    assert len(ordered) == len(expected)


def test_raters_of_the_same_cases_and_structures_are_one_block():
    """A board where everybody has everything is one array, whatever the order of its rows."""
    every = [
        ["r", rater, "model", case, label, 0.5, "ok"] for label in "yx" for rater in ("v", "u") for case in ("b", "a")
    ]
    (extent,) = laid_out(table_of(every))[1]
    assert extent == Extent((Entry("r", "u", "model"), Entry("r", "v", "model")), ("a", "b"), ("x", "y"))


def test_a_rater_who_lacks_a_score_has_blocks_of_its_own():
    """The others stay one block."""
    every = [["r", rater, "model", case, label, 0.5, "ok"] for rater in "uvw" for case in "ab" for label in "xy"]
    extents = laid_out(table_of([row for row in every if row[1:5] != ["v", "model", "b", "x"]]))[1]
    shapes = [(tuple(entry.rater for entry in own.entries), own.cases, own.labels) for own in extents]
    assert sorted(shapes) == [
        (("u", "w"), ("a", "b"), ("x", "y")),
        (("v",), ("a",), ("x", "y")),
        (("v",), ("b",), ("y",)),
    ]


def test_axes_of_some_runs():
    """Without the others' raters, and without other structures if one is named; nobody is left where none is wanted."""
    (extent,) = laid_out(table_of([[run, "u", "model", "a", label, 0.5, "ok"] for run in "123" for label in "xy"]))[1]
    kept = extent.only({"1", "3"}, "y")
    assert [entry.run for entry in kept.entries] == ["1", "3"]
    assert (kept.cases, kept.labels, kept.size) == (("a",), ("y",), 2)
    assert extent.only({"1", "2", "3"}) == extent
    assert extent.only({"4"}).size == extent.only({"1"}, "z").size == 0


def digests(rows, unit="1"):
    """The digest of each run of some rows."""
    return digests_by_run(blocks(*laid_out(table_of(rows))), unit)


def test_the_digest_of_a_run_depends_on_its_own_scores_only():
    """Not on other runs, nor on the order of rows; on every name, value, status and the unit."""
    own = [["r", "u", "model", case, label, 0.5, "ok"] for case in "ab" for label in "xy"][:3]
    other = [["s", "v", "model", case, "x", 0.25, "failed"] for case in "abc"]
    expected = digests(own)["r"]
    assert digests([*other, *reversed(own)])["r"] == expected
    for place, value in ((1, "w"), (2, "reader"), (3, "c"), (4, "z"), (5, 0.75), (5, None), (6, "failed")):
        changed = [*own[:2], [*own[2][:place], value, *own[2][place + 1 :]]]
        assert digests(changed)["r"] != expected
    assert digests(own[:2])["r"] != expected
    assert digests(own, "mm")["r"] != expected


@given(st.lists(rows, max_size=60), st.sampled_from([None, "ivh"]), st.sets(st.sampled_from(["r", "s", "t"])))
def test_the_rows_of_some_runs_are_found(given_rows, label, runs):
    """Of all structures or of one: all of them and no other ones, in order, laid out as the axes say."""
    ordered, extents = laid_out(table_of(given_rows))
    spans = spans_of(extents, runs, label)
    assert spans == sorted(spans)
    part = pa.concat_tables([ordered.slice(0, 0), *(ordered.slice(one, other - one) for one, other in spans)])
    found = scores_in(blocks(part, [own for one in extents if (own := one.only(runs, label)).size]))
    wanted = [row for row in given_rows if row[0] in runs and label in {None, row[4]}]
    assert found == {tuple(row[:5]): tuple(row[5:]) for row in wanted}


@given(st.lists(rows, max_size=60))
def test_the_names_of_rows_are_those_of_their_block(given_rows):
    """A table that was laid out needs no names beside its extents."""
    ordered, extents = laid_out(table_of(given_rows))
    for name, column in name_columns(extents).items():
        assert column.to_pylist() == ordered[name].to_pylist()
        distinct = column.unify_dictionaries().combine_chunks().dictionary.to_pylist()
        assert len(set(distinct)) == len(distinct)
