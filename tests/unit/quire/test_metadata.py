"""What metadata may hold: all of JSON that PostgreSQL keeps."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from quire.web import Metadata

METADATA: TypeAdapter[dict[str, Any]] = TypeAdapter(Metadata)


@pytest.mark.parametrize("kept", ["C:\\u0000x", "\\", "\\\\u0000", "naïve"])
def test_words_that_look_like_nothing_are_kept(kept: str) -> None:
    assert METADATA.validate_python({"path": kept, kept: 1}) == {"path": kept, kept: 1}


@pytest.mark.parametrize("refused", ["\x00", "\\\x00", "\\\\\x00", "C:\\u0000\x00"])
def test_what_postgresql_cannot_keep_is_refused(refused: str) -> None:
    for value in ({"path": refused}, {refused: 1}):
        with pytest.raises(ValidationError, match="NUL"):
            METADATA.validate_python(value)
