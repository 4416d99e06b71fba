"""Everything goes wrong once while turns are asked for: nothing is lost, the rest told in time."""

import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.faults.__main__ import bear_all, table
from benchmarks.faults.runs import IN_TIME

AT_ONCE = 64
# A breaker asks again after five seconds; what was begun before is served first.
SOON = 30


@pytest.mark.soak
async def test_faults_under_load_lose_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    borne = await bear_all(tmp_path, at_once=AT_ONCE)
    shown = StringIO()
    Console(file=shown, width=140).print(table(borne, AT_ONCE))
    with capsys.disabled():
        sys.stdout.write(f"\n{shown.getvalue()}")
    for one in borne:
        assert one.told, one.fault
        assert one.lost == 0, one.fault
        assert one.of("broken") == [], one.fault
        assert one.longest < IN_TIME, one.fault
        assert one.recovered < SOON, one.fault
