"""Lambda on a laptop, with real processes under AWS's runtime client."""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest

from local.deployment import LIBRARIES
from local.lambda_runtime import (
    Function,
    FunctionError,
    InvocationError,
    LambdaRuntime,
    RequestTooLarge,
    Throttled,
    TimedOut,
)

HANDLERS = Path(__file__).parent / "handlers"


class Deployed(LambdaRuntime):
    """A runtime of one function named `f`, which remembers the sandboxes it started."""

    def __init__(
        self,
        handler: str,
        folder: Path,
        *,
        timeout: float = 20,
        concurrency: int = 2,
        libraries: Sequence[str] = (),
    ):
        self.pids: list[int] = []
        function = Function(
            name="f",
            handler=handler,
            environment={"GREETING": "hello", "_HANDLER": "another"},
            timeout=timeout,
            concurrency=concurrency,
        )
        super().__init__(
            [function],
            task_root=HANDLERS,
            log_dir=folder / "logs",
            libraries=libraries,
            on_spawn=self.pids.append,
        )


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


def held(folder: Path, name: str) -> dict[str, str]:
    return {"started": str(folder / name), "release": str(folder / "release")}


def stopped(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_STOPPED


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


async def test_a_sandbox_is_frozen_between_two_invocations(tmp_path: Path) -> None:
    async with Deployed("sandboxed.echo", tmp_path) as runtime:
        first = await runtime.invoke("f", {})
        await until(lambda: stopped(first["pid"]))
        second = await runtime.invoke("f", {})
        await until(lambda: stopped(first["pid"]))

    assert second["pid"] == first["pid"]
    assert second["request_id"] != first["request_id"]


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


@pytest.mark.parametrize(
    ("status", "reason"),
    [(3, "with error: exit status 3"), (0, "without providing a reason")],
)
async def test_a_sandbox_that_ends_at_work_is_replaced(
    tmp_path: Path, status: int, reason: str
) -> None:
    async with Deployed("sandboxed.misbehave", tmp_path) as runtime:
        with pytest.raises(FunctionError, match=f"Runtime exited {reason}") as raised:
            await runtime.invoke("f", {"how": "exit", "status": status})
        assert await runtime.invoke("f", {}) == runtime.pids[1]

    assert raised.value.error_type == "Runtime.ExitError"


async def test_a_sandbox_killed_in_its_sleep_is_replaced(tmp_path: Path) -> None:
    async with Deployed("sandboxed.misbehave", tmp_path) as runtime:
        sleeping = await runtime.invoke("f", {})
        await until(lambda: stopped(sleeping))
        os.kill(sleeping, signal.SIGKILL)
        await until(lambda: not psutil.pid_exists(sleeping))
        assert await runtime.invoke("f", {}) == runtime.pids[1]


@pytest.mark.parametrize(
    ("handler", "error_type", "message"),
    [
        ("unloadable.handler", "Runtime.ImportModuleError", "no_such_library"),
        ("sandboxed.missing", "Runtime.HandlerNotFound", "missing"),
    ],
)
async def test_a_function_that_cannot_be_loaded_says_why(
    tmp_path: Path, handler: str, error_type: str, message: str
) -> None:
    async with Deployed(handler, tmp_path) as runtime:
        with pytest.raises(FunctionError, match=message) as raised:
            await runtime.invoke("f", {})

    assert raised.value.error_type == error_type


async def test_libraries_are_loaded_before_a_sandbox_is_born(tmp_path: Path) -> None:
    """One that is not there is for the function to miss."""
    async with Deployed("sandboxed.echo", tmp_path, libraries=["this", "no_such"]) as runtime:
        answer = await runtime.invoke("f", {})
        parent = psutil.Process(answer["pid"]).parent()
        assert parent
        assert parent.parent() == psutil.Process()
        assert psutil.Process(answer["pid"]).name() == "f"
    assert "this" in answer["modules"]
    assert "local" not in answer["modules"]
    assert "The Zen of Python" not in (tmp_path / "logs" / "f.log").read_text()
    assert not parent.is_running()


async def test_none_of_the_libraries_starts_a_thread(tmp_path: Path) -> None:
    """A fork would lose it."""
    async with Deployed("sandboxed.echo", tmp_path, libraries=LIBRARIES) as runtime:
        parent = psutil.Process((await runtime.invoke("f", {}))["pid"]).parent()
        assert parent
        assert parent.num_threads() == 1


async def test_whom_sandboxes_were_forked_from_may_die(tmp_path: Path) -> None:
    async with Deployed("sandboxed.echo", tmp_path) as runtime:
        first = psutil.Process((await runtime.invoke("f", {}))["pid"])
        parent = first.parent()
        assert parent
        parent.kill()
        await until(lambda: not first.is_running())
        assert (await runtime.invoke("f", {}))["pid"] == runtime.pids[1]


async def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path) -> None:
    function = Function(name="f", handler="sandboxed.echo", environment={}, timeout=5)
    async with LambdaRuntime(
        [function], task_root=HANDLERS, log_dir=tmp_path, python=str(tmp_path / "python")
    ) as runtime:
        with pytest.raises(FunctionError, match=str(tmp_path / "python")):
            await runtime.invoke("f", {})


async def test_an_invocation_outlives_a_caller_who_leaves(tmp_path: Path) -> None:
    async with Deployed("sandboxed.hold", tmp_path, concurrency=1) as runtime:
        call = asyncio.create_task(runtime.invoke("f", held(tmp_path, "left")))
        await until((tmp_path / "left").exists)
        call.cancel()
        await asyncio.wait([call])
        (tmp_path / "release").touch()
        await until((tmp_path / "left.done").exists)
        assert [await runtime.invoke("f", held(tmp_path, "next"))] == runtime.pids


async def test_stopping_leaves_no_process_and_no_caller_behind(tmp_path: Path) -> None:
    runtime = Deployed("sandboxed.hold", tmp_path)
    await runtime.start()
    (tmp_path / "release").touch()
    await runtime.invoke("f", held(tmp_path, "asleep"))
    (tmp_path / "release").unlink()
    calls = [asyncio.create_task(runtime.invoke("f", held(tmp_path, name))) for name in "ab"]
    await until(lambda: (tmp_path / "a").exists() and (tmp_path / "b").exists())
    calls.append(asyncio.create_task(runtime.invoke("f", held(tmp_path, "waiting"))))
    await runtime.stop()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [InvocationError] * 3
    assert len(runtime.pids) == 2
    assert not any(psutil.pid_exists(pid) for pid in runtime.pids)


async def test_stopping_kills_a_frozen_sandbox(tmp_path: Path) -> None:
    async with Deployed("sandboxed.echo", tmp_path) as runtime:
        pid = (await runtime.invoke("f", {}))["pid"]
        await until(lambda: stopped(pid))
        assert os.getpgid(pid) == pid

    assert not psutil.pid_exists(pid)


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
