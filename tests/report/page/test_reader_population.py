"""Models against readers as a population on the page: the numbers of the table that ``ctbench mrmc`` prints."""

from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.reader_population import population_table
from ctbench.report.page.reader_population import reader_population
from ctbench.report.wording import interval, p_value


def test_the_page_has_the_numbers_of_the_table(results):
    """The overall row of each model stands above the fold, and every structure below it."""
    html = reader_population(results, 0.05)
    above, _, below = html.partition("<summary>By structure")
    for model in results.models:
        table = population_table(results, model, "dice", 0.05).set_index("label")
        overall = table.loc["overall"]
        for part in (model, interval(overall["low"], overall["high"]), p_value(overall["p_equivalent"])):
            assert part in above
        assert interval(table.loc["caudate", "low"], table.loc["caudate", "high"]) in below


def test_too_few_cases_have_a_sentence(small_runs):
    """One case is no sample of cases."""
    (one,) = gather(small_runs(edit=lambda scores: scores[scores["case"] == scores["case"].iloc[0]]))
    assert "No structure has two such cases." in reader_population(one)
