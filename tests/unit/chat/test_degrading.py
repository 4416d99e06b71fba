"""What is quoted while no model is there."""

from functions.chat.citing import Citer
from functions.chat.degrading import quote_best
from functions.chat.events import Event
from quire.domain import Source

TEXT = "Gears wear out quickly, as others [1.1] have 【1.2】 shown ［1．1］ before."


def test_numbers_in_what_is_quoted_are_nobodys_markers() -> None:
    source = Source(index=1, text=TEXT, start=0, end=len(TEXT), score=1.0, title="T")
    citer = Citer([source])
    events: list[Event] = []
    for piece in quote_best("Why do gears wear?", [source]):
        events += citer.feed(piece)
    events += citer.finish()
    assert "others ⟦1.1⟧ have ⟦1.2⟧ shown ⟦1．1⟧ before" in citer.text
    assert [citation.cited_text for citation in citer.citations] == [TEXT]
    assert citer.unverified == 0
