"""`quire eval`: options that are refused before anything is read, and its help."""

import pytest
from typer.testing import CliRunner

from cli.main import app


@pytest.mark.parametrize(
    "given",
    [
        *("x", "x=", "x=[]", "={}", "x={}", "metric={}", "_={}"),
        *('y={"question": "?"}', 'y={"top_k": NaN}', "y=" + 9_999 * "["),
    ],
)
def test_wrong_configurations(given: str) -> None:
    # Refused before anything is asked: here, as so many processes would take long to start.
    ended = CliRunner().invoke(app, ["eval", "nowhere", "--with", "x={}", "--with", given])
    assert ended.exit_code == 2


def test_help_tells_where_results_go() -> None:
    ended = CliRunner().invoke(app, ["eval", "--help"], env={"COLUMNS": "200"})
    assert "build/eval/DATASET" in ended.output
