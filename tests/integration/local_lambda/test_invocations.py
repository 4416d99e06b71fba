"""What becomes of an invocation: real processes under AWS's runtime client."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest

from local.lambda_runtime import FunctionError, RequestTooLarge, Throttled, TimedOut
from tests.integration.local_lambda.sandboxes import HANDLERS, Deployed, held, stopped, until


async def test_a_handler_answers_and_sees_what_lambda_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_SUPERVISOR", "not for functions")
    async with Deployed("sandboxed.echo", tmp_path, timeout=20) as runtime:
        answer = await runtime.invoke("f", {"question": "Was weiß ein Roboter? 🤖"})
        [pid] = runtime.pids

    assert answer["event"] == {"question": "Was weiß ein Roboter? 🤖"}
    assert answer["pid"] == pid
    assert answer["folder"] == str(HANDLERS)
    assert UUID(answer["request_id"])
    assert answer["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:f"
    assert 0 < answer["remaining_ms"] <= 20_000
    environment = answer["environment"]
    assert environment["GREETING"] == "hello"
    assert environment["_HANDLER"] == "sandboxed.echo"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "f"
    assert environment["LAMBDA_TASK_ROOT"] == str(HANDLERS)
    assert "OF_THE_SUPERVISOR" not in environment
    assert "echoing {'question'" in (tmp_path / "logs" / "f.log").read_text()


async def test_invocations_that_overlap_get_sandboxes_up_to_the_limit(tmp_path: Path) -> None:
    async with Deployed("sandboxed.hold", tmp_path, concurrency=2) as runtime:
        three = [asyncio.create_task(runtime.invoke("f", held(tmp_path, name))) for name in "abc"]
        await until(lambda: (tmp_path / "a").exists() and (tmp_path / "b").exists())
        assert not any(stopped(pid) for pid in runtime.pids)
        assert not (tmp_path / "c").exists()
        (tmp_path / "release").touch()
        answers = await asyncio.gather(*three)

    assert len(runtime.pids) == 2
    assert set(answers) == set(runtime.pids)


async def test_who_finds_no_free_sandbox_in_time_is_throttled(tmp_path: Path) -> None:
    async with Deployed("sandboxed.misbehave", tmp_path, timeout=0.4, concurrency=1) as runtime:
        outcomes = await asyncio.gather(
            runtime.invoke("f", {"how": "hang"}), runtime.invoke("f", {}), return_exceptions=True
        )

    assert [type(outcome) for outcome in outcomes] == [TimedOut, Throttled]


async def test_a_function_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    async with Deployed("sandboxed.misbehave", tmp_path, timeout=0.4) as runtime:
        with pytest.raises(TimedOut, match=r"Task timed out after 0\.40 seconds"):
            await runtime.invoke("f", {"how": "hang"})
        [killed] = runtime.pids
        assert not psutil.pid_exists(killed)
        assert await runtime.invoke("f", {}) != killed


async def test_a_raised_error_is_reported_and_costs_no_sandbox(tmp_path: Path) -> None:
    async with Deployed("sandboxed.misbehave", tmp_path) as runtime:
        with pytest.raises(FunctionError) as raised:
            await runtime.invoke("f", {"how": "raise"})
        assert [await runtime.invoke("f", {})] == runtime.pids

    assert raised.value.error_type == "ValueError"
    assert raised.value.error_message == "no such book"


async def test_an_invocation_outlives_a_caller_who_leaves(tmp_path: Path) -> None:
    async with Deployed("sandboxed.hold", tmp_path, concurrency=1) as runtime:
        call = asyncio.create_task(runtime.invoke("f", held(tmp_path, "left")))
        await until((tmp_path / "left").exists)
        call.cancel()
        await asyncio.wait([call])
        (tmp_path / "release").touch()
        await until((tmp_path / "left.done").exists)
        assert [await runtime.invoke("f", held(tmp_path, "next"))] == runtime.pids


async def test_an_event_or_an_answer_above_six_megabytes_is_refused(tmp_path: Path) -> None:
    six = 6 * 1024 * 1024
    async with Deployed("sandboxed.misbehave", tmp_path) as runtime:
        with pytest.raises(RequestTooLarge):
            await runtime.invoke("f", {"text": "x" * six})
        assert runtime.pids == []
        with pytest.raises(FunctionError) as raised:
            await runtime.invoke("f", {"how": "ramble", "length": six + 99})
        longest: Any = await runtime.invoke("f", {"how": "ramble", "length": six + 98})

    assert raised.value.error_type == "Function.ResponseSizeTooLarge"
    assert len(longest) == six + 98


async def test_a_function_that_was_not_deployed_is_named(tmp_path: Path) -> None:
    async with Deployed("sandboxed.echo", tmp_path) as runtime:
        with pytest.raises(LookupError, match="No function is called chat"):
            await runtime.invoke("chat", {})
