"""Overall means on the page."""

from ctbench.report.page.overview import at_a_glance


def test_each_scope_has_a_figure_and_a_table(results):
    """The figures against the reference of all readers are folded away."""
    html = at_a_glance(results)
    scopes = len(results.scopes)
    assert html.count("<svg") == html.count("The same against majority") == scopes
    assert html.count("<h4") == scopes
    assert html.count("<table") == 2 * scopes
