"""Low Dice by structure and by subgroup."""

from dataclasses import replace

from ctbench.datasets import Dataset
from ctbench.report.page import subgroups


def _with_table(dataset):
    made = [
        replace(case, subgroups={"scanner": "AB"[index % 2], "copy": "BA"[index % 2], "serial": str(index), "kind": ""})
        for index, case in enumerate(dataset)
    ]
    return Dataset(dataset.name, dataset.entry, dataset.root, tuple(made))


def test_a_failed_case_is_counted_where_it_belongs(results, dataset):
    """The failed case of the atlas is the one low Dice of its scanner; n and the share say of how many."""
    html = subgroups.low_scores(results, _with_table(dataset))
    assert "By scanner" in html
    assert "</i>atlas</summary>" in html
    (scanner_a,) = [row for row in _rows(html, "By scanner")[-2:] if row[0] == "A"]
    assert scanner_a[1:4] == ["6", "1", "16.7"]


def _rows(html, after):
    text = str(html)  # a page's own type would escape what it is searched for
    tail = text[text.rindex(after) :]
    table = tail[tail.index("<tbody>") : tail.index("</tbody>")]
    return [
        [cell.split("<")[0].rpartition(">")[2] for cell in row.replace("<td", "<th").split("<th")[1:]]
        for row in table.split("<tr>")[1:]
    ]
