"""How sandboxes are born, sleep, die and are replaced; real processes."""

import asyncio
import os
import signal
from pathlib import Path

import psutil
import pytest

from local.deployment import LIBRARIES
from local.lambda_runtime import Function, FunctionError, InvocationError, LambdaRuntime
from tests.integration.local_lambda.sandboxes import HANDLERS, Deployed, held, stopped, until


async def test_a_sandbox_is_frozen_between_two_invocations(tmp_path: Path) -> None:
    async with Deployed("sandboxed.echo", tmp_path) as runtime:
        first = await runtime.invoke("f", {})
        await until(lambda: stopped(first["pid"]))
        second = await runtime.invoke("f", {})
        await until(lambda: stopped(first["pid"]))

    assert second["pid"] == first["pid"]
    assert second["request_id"] != first["request_id"]


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
