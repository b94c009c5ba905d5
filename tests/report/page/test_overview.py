"""Overall means on the page."""

from ctbench.report.frames.comparable_runs import gather
from ctbench.report.frames.summaries import summary
from ctbench.report.page.overview import at_a_glance, in_words
from ctbench.report.wording import fixed


def test_the_sentence_has_the_means_of_the_summary(small_runs):
    """Readers together and the model, with their numbers of cases."""
    (results,) = gather(small_runs())
    ((over, models),) = results.scopes.items()
    means = summary(results, over, models, reference=results.fair, metrics=["dice"]).set_index("rater")
    words = in_words(results)
    assert f"The 3 readers reach an overall Dice of {fixed(means.loc['all readers', 'mean'], '1')}" in words
    assert f"unet reaches {fixed(means.loc['unet', 'mean'], '1')} ± {fixed(means.loc['unet', 'sd'], '1')}" in words
    assert words.endswith("Readers and models are measured on the same leave-one-out references.")


def test_a_model_alone_is_compared_with_nobody(small_runs):
    """Nothing is said of readers where there are none."""
    (results,) = gather(small_runs(raters=("unet",), edit=lambda scores: scores[scores["reference"] == "majority"]))
    words = in_words(results)
    assert words.startswith("unet reaches ")
    assert "reader" not in words


def test_each_scope_has_a_sentence_a_figure_and_a_table(results):
    """The figures against the reference of all readers are folded away."""
    html = at_a_glance(results)
    scopes = len(results.scopes)
    assert html.count("<svg") == html.count("The same against majority") == scopes
    assert html.count("<h4") == scopes
    assert html.count("<table") == 2 * scopes
