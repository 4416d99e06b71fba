"""Whatever servers send as a stream, cut anywhere: an answer that can be kept, or none."""

import json
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai import AsyncOpenAI

from quire import models
from quire.errors import Unavailable
from tests.integration.language_model.conftest import DONE, Server, asked, chunk, line

WORDS = st.text(st.characters() | st.sampled_from("\0\ud83e\uddbe\u2028\x85\n\r"), max_size=20)
ODD: list[Any] = [None, "", "x", [], {}, [None], -1, 1e400, float("nan"), 10**30, True]


@st.composite
def cut(draw: st.DrawFn, sent: bytes) -> list[bytes]:
    """The same bytes in pieces, as the network may bring them."""
    at = sorted(draw(st.lists(st.integers(0, len(sent)), max_size=12)))
    return [sent[a:b] for a, b in pairwise([0, *at, len(sent)]) if a < b]


@st.composite
def odd_chunks(draw: st.DrawFn) -> bytes:
    """A chunk in which one thing is not as it is."""
    sent = json.loads(chunk("Gears", draw(st.sampled_from([None, "stop"]))).removeprefix(b"data:"))
    sent["usage"] = {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}}
    inside = draw(
        st.sampled_from(
            [
                *(sent, sent["choices"], sent["choices"][0], sent["choices"][0]["delta"]),
                *(sent["usage"], sent["usage"]["prompt_tokens_details"]),
            ]
        )
    )
    names = [0] if isinstance(inside, list) else [*inside, "error"]
    inside[draw(st.sampled_from(names))] = draw(st.sampled_from(ODD))
    return line(sent)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WORDS, max_size=5), st.sampled_from([b"\n", b"\r\n"]), st.data())
async def test_it_does_not_matter_where_a_stream_is_cut(
    server: Server, client: AsyncOpenAI, words: list[str], ending: bytes, data: st.DataObject
) -> None:
    sent = b": waits\n\n".join([*map(chunk, words), chunk("", "stop"), DONE])
    server.parts = data.draw(cut(sent.replace(b"\n", ending)))
    text, completion = await asked(client)
    written = "".join(words).replace("\0", "").encode("utf-16-le", "surrogatepass")
    expected = written.decode("utf-16-le", "replace")
    # Half a character at the very end has nothing left to be completed by.
    assert text in (expected, expected.removesuffix("\ufffd"))
    assert completion.finish_reason == "stop"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(odd_chunks() | st.binary(max_size=50) | st.just(DONE), max_size=4),
    st.data(),
)
async def test_whatever_a_server_sends_is_an_answer_that_can_be_kept_or_none(
    server: Server, client: AsyncOpenAI, sent: list[bytes], data: st.DataObject
) -> None:
    server.parts = data.draw(cut(b"".join([*sent, chunk("!", "stop"), DONE])))
    try:
        text, completion = await asked(client)
    except Unavailable:
        return
    for kept in (text, completion.model, completion.finish_reason):
        assert "\0" not in kept.encode().decode()
    for counted in asdict(completion.usage).values() if completion.usage else ():
        assert 0 <= counted <= models.MOST_TOKENS
