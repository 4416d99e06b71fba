"""Which names new files may have, and that those of old stay."""

import pytest

from quire.object_keys import is_readable, parse_upload_key, upload_key


@pytest.mark.parametrize(
    "name",
    [
        *("a.md", "deep/é 😀+notes.txt", "👩‍❤️‍👨.md", "机器人.pdf"),
        # Persian has joiners within words; a mark of direction stands in many a Hebrew name.
        *("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.txt", "\u05d0\u200f (1).pdf"),
    ],
)
def test_people_see_a_name_as_it_is(name: str) -> None:
    assert is_readable(name)


@pytest.mark.parametrize(
    "name",
    [
        *("\u202egpj.exe", "a\u202agpj\u202c.md", "x\u2067md\u2069", "a\nb.md", "a\x1b[2K.md"),
        *("a\x85b", "a\u2028b", "\u200b\u2060", " ", "\u200d\ufe0f"),
    ],
)
def test_a_name_that_misleads_is_not_readable(name: str) -> None:
    assert not is_readable(name)
    # What has such a name already keeps it.
    assert parse_upload_key(upload_key("t", name)) == ("t", name)
