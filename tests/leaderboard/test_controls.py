"""Controls in a page of their own, without a server."""

from streamlit.testing.v1 import AppTest


def _page():
    import streamlit as st

    from leaderboard import controls

    st.session_state["got"] = {
        "choice": controls.choice("Choice", ["a", "**b**", "c"], "one", default="**b**", shown=str.upper),
        "first": controls.choice("First", ["x", "y"], "first", default="absent"),
        "choices": controls.choices("Choices", ["a", "b", "c"], "some", default=["c", "z", "a", "b"], most=2),
        "number": controls.number("Number", "many", low=0, high=10, default=4, step=2),
        "search": controls.search("Search", "words"),
        "switch": controls.switch("Switch", "on", default=True),
    }


def shown(**query):
    """The page after one run, with these values in its address."""
    test = AppTest.from_function(_page)
    for key, value in query.items():
        test.query_params[key] = value
    test.run()
    assert not test.exception
    return test


def test_defaults_are_those_that_are_options():
    """A default that is no option is the first option, or is left out; no more are chosen than may be."""
    assert shown().session_state["got"] == {
        "choice": "**b**",
        "first": "x",
        "choices": ["c", "a"],
        "number": 4.0,
        "search": "",
        "switch": True,
    }


def test_a_control_shows_its_options_in_their_texts():
    """The value is the option, not its text."""
    test = shown()
    assert test.selectbox[0].options == ["A", "**B**", "C"]
    got = test.selectbox[0].select("c").run().session_state["got"]
    assert got["choice"] == "c"


def test_the_address_decides():
    """Each control reads its own value; text is stripped."""
    got = shown(first="y", words="  net ", on="false").session_state["got"]
    assert (got["first"], got["search"], got["switch"]) == ("y", "net", False)


def test_nonsense_in_the_address_is_dropped():
    """A value that is no option leaves the default."""
    got = shown(first="../../etc", one="<b>").session_state["got"]
    assert (got["first"], got["choice"]) == ("x", "**b**")


def test_nonsense_in_the_address_is_told_once():
    """The visitor of an old link learns that the page shows something else; after a click the note is gone."""
    test = shown(first="gone")
    assert [note.value.replace("\\", "") for note in test.warning] == [
        "first=gone of the address is not there; shown is x."
    ]
    assert not test.selectbox[0].select("c").run().warning
    assert not shown(first="y", one="C").warning


def _page_of_many():
    import streamlit as st

    from leaderboard import controls

    st.session_state["got"] = [
        controls.first_of("All", ["a", "b"], "all", most=3, few=1),
        controls.first_of("Some", ["a", "b", "c", "d"], "some", most=3, few=1),
        controls.first_of("Most", ["a", "b", "c", "d"], "most", most=3),
    ]


def test_of_too_many_options_the_first_few_are_chosen_at_first():
    """Where all can be chosen, all are; else the first few, and the label says how many there are."""
    test = AppTest.from_function(_page_of_many).run()
    assert test.session_state["got"] == [["a", "b"], ["a"], ["a", "b", "c"]]
    assert [box.label for box in test.multiselect] == ["All", "Some: at most 3 of 4", "Most: at most 3 of 4"]
