import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctbench.datasets.casetable import parse_slices, read_case_table
from ctbench.errors import DatasetError


@pytest.fixture
def table(tmp_path):
    """Write a case table and give its path."""

    def write(text):
        path = tmp_path / "cases.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_columns_with_a_meaning_and_subgroups(table):
    """Known columns become fields of the row, all others subgroups, in the order of the rows."""
    path = table("case,split,patient,not_assessed,readers,scanner\nb,test,p1,iph; ivh,anna;ben,GE\na,,,,,\n")
    first, second = read_case_table(path, known_labels=("iph", "ivh"))
    assert (first.case, first.split, first.patient) == ("b", "test", "p1")
    assert (first.not_assessed, first.readers) == (("iph", "ivh"), ("anna", "ben"))
    assert first.subgroups == {"scanner": "GE"}
    assert (second.case, second.split, second.patient, second.readers) == ("a", None, None, None)


def test_a_table_from_a_spreadsheet_may_begin_with_a_byte_order_mark(table):
    """The mark that spreadsheets write is not part of the first column's name."""
    assert read_case_table(table("\ufeffcase\na\n"))[0].case == "a"


def test_annotated_slices_come_from_their_column(table):
    """The column of annotated slices is read as slices and is no subgroup; 'all' means every slice."""
    rows = read_case_table(table("case,slices\na,1-2;4\nb,all\n"), annotated="slices")
    assert [row.annotated for row in rows] == [(1, 2, 4), None]
    assert rows[0].subgroups == {}


@given(st.sets(st.integers(0, 99_999), min_size=1))
def test_slices_that_are_written_out_come_back(slices):
    """Any set of slices can be written with semicolons, in any order, and is read back sorted."""
    assert parse_slices(" ; ".join(map(str, slices))) == tuple(sorted(slices))


@pytest.mark.parametrize("text", ["", "x", "2-1", "-1", "1.5", "1-", "1;;2"])
def test_what_is_no_slice_is_refused(text):
    """An empty or malformed cell is an error, never silently no slice or all of them."""
    with pytest.raises(ValueError):  # noqa: PT011  # the caller words the message
        parse_slices(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Case\na\n", "no column 'case', only Case; is it 'Case'"),
        ("", "no column 'case', only nothing"),
        ("case\na\na\n", "line 3: the case 'a' has a row already"),
        ("case\n../a\n", "line 2: the name '../a' cannot stand in a path"),
        ("case,readers\na,x/y\n", "the name 'x/y' cannot stand in a path"),
        ("case,split\na,tset\n", "split 'tset' of case 'a' is unknown; expected train, validation, test"),
        ("case,not_assessed\na,iph;xyz\n", "not_assessed names 'xyz'"),
        ("case,split\na\n", "line 2 has more or fewer cells than the header"),
        ("case,split\na,test,b\n", "line 2 has more or fewer cells than the header"),
        ("case,x,x\na,1,2\n", "two columns of one name"),
        ('case\n"a\n', "cannot read the case table"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(table, text, message):
    """The message names the file, the line, and what was expected."""
    with pytest.raises(DatasetError, match=r"cases\.csv") as caught:
        read_case_table(table(text), known_labels=("iph",))
    assert message in str(caught.value)


def test_a_wrong_slice_is_refused_with_its_column(table):
    """The message shows the cell and an example of a right one."""
    with pytest.raises(DatasetError, match=r"line 2: slices is '3_7'; expected slices from 0 such as '3-7;12'"):
        read_case_table(table("case,slices\na,3_7\n"), annotated="slices")
