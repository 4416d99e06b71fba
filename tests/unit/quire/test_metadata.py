"""What metadata may hold: all of JSON that PostgreSQL keeps."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from quire.web import Metadata

METADATA: TypeAdapter[dict[str, Any]] = TypeAdapter(Metadata)


@pytest.mark.parametrize("kept", ["C:\\u0000x", "\\", "\\\\u0000", "naïve"])
def test_words_that_look_like_nothing_are_kept(kept: str) -> None:
    assert METADATA.validate_python({"path": kept, kept: 1}) == {"path": kept, kept: 1}


def nested(levels: int, *, lists: bool = False) -> dict[str, Any]:
    """The levels of what it holds, its own and its innermost value's included."""
    inner: Any = 1
    for _ in range(levels - 2):
        inner = [inner] if lists else {"a": inner}
    return {"a": inner}


@pytest.mark.parametrize("lists", [False, True])
def test_what_is_nested_too_deeply_is_refused_however_deep_it_is(lists: bool) -> None:
    assert METADATA.validate_python(nested(16, lists=lists))
    for levels in (17, 300, *range(450, 1_000, 50), 2_000, 20_000):
        with pytest.raises(ValidationError, match="16 levels at most"):
            METADATA.validate_python(nested(levels, lists=lists))


@pytest.mark.parametrize("refused", ["\x00", "\\\x00", "\\\\\x00", "C:\\u0000\x00"])
def test_what_postgresql_cannot_keep_is_refused(refused: str) -> None:
    for value in ({"path": refused}, {refused: 1}):
        with pytest.raises(ValidationError, match="NUL"):
            METADATA.validate_python(value)
