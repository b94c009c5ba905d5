import getpass
import platform
import time

import pytest

from ctbench.runs import privacy
from ctbench.runs.privacy import HIDDEN, public_options, public_text, secrets_in


@pytest.fixture
def alice(on_machine):
    """A user with a telling name on a telling machine."""
    on_machine("alice", "/srv/people/alice", "radiology-ws7")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("open /srv/people/alice/w.pt", "open ~/w.pt"),
        ("open /srv/people/alices/w.pt", "open /srv/people/alices/w.pt"),
        ("open /data/alice/w.pt", "open /data/user/w.pt"),
        ("open /home/bob/w.pt", "open ~/w.pt"),
        ("folder:/Users/bob", "folder:~"),
        (r"open C:\Users\bob\w.pt", r"open ~\w.pt"),
        ("on radiology-ws7: no GPU", "on host: no GPU"),
        ("the radiology-ws70 of alice", "the radiology-ws70 of alice"),
        ("model --token abc x", f"model --token {HIDDEN} x"),
        ("model x--b--token abc x", f"model x--b--token {HIDDEN} x"),
        ("model ---token --key abc", f"model ---token {HIDDEN} abc"),
        ("token-- abc --my-api_key-2  abc", f"token-- abc --my-api_key-2  {HIDDEN}"),
        ("HF_TOKEN=abc model", f"HF_TOKEN={HIDDEN} model"),
        ("https://h/f?token=abc&x=1", f"https://h/f?token={HIDDEN}&x=1"),
        ("https://me:pass@h/f", f"https://{HIDDEN}@h/f"),
        ("got hf_abcdefghijklmnop", f"got {HIDDEN}"),
        ("Authorization: Bearer abc.def-123", f"Authorization: Bearer {HIDDEN}"),
        ("Unexpected token < in JSON", "Unexpected token < in JSON"),
        ("expected 3 tokens, got 4", "expected 3 tokens, got 4"),
        ("/home is full", "/home is full"),
    ],
)
def test_what_is_kept_of_a_text(alice, text, kept):
    """Home folders, users, machines and tokens go; all other words stay."""
    assert public_text(text) == kept


@pytest.mark.parametrize("text", ["x", "-", "token", "--token", "--key-", " --key ", "=", "://", "/home/"])
def test_a_long_text_takes_no_time(alice, text):
    """What a failed predictor printed is up to 64 KiB, perhaps of one word, which once took minutes."""
    long = text * (2**16 // len(text))
    begun = time.process_time()
    public_text(long)
    assert time.process_time() - begun < 5


def test_known_secrets_go_wherever_they_occur(alice):
    """Also in the middle of a word."""
    assert public_text("xs3cretx", ["s3cret"]) == f"x{HIDDEN}x"


def test_options_with_telling_names_lose_their_values(alice):
    """However deep they are; a secret that is repeated in another option goes there, too."""
    options = {
        "token": "s3cret",
        "hf_api_key": 12345,
        "more": {"password": ["one", "2345"], "path": "/home/bob/x"},
        "threshold": 5,
        "url": "https://h/s3cret",
    }
    assert secrets_in(options) == ("s3cret", "12345", "2345")
    assert public_options(options) == {
        "token": HIDDEN,
        "hf_api_key": HIDDEN,
        "more": {"password": HIDDEN, "path": "~/x"},
        "threshold": 5,
        "url": f"https://h/{HIDDEN}",
    }


def test_a_machine_without_names_hides_none(monkeypatch):
    """A user without an entry in the system's list, the root folder as home, and a short host name."""
    privacy._own_names.cache_clear()

    def nobody():
        raise KeyError

    monkeypatch.setattr(getpass, "getuser", nobody)
    monkeypatch.setattr(platform, "node", lambda: "gpu")
    assert privacy._own_names() == ("", "", "")
    privacy._own_names.cache_clear()
