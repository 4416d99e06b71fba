"""LangChain and the npm package, unchanged but for the address; each in a place of its own."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.conftest import Tenant

HERE = Path(__file__).parent
REQUIREMENTS = HERE.parents[2] / "requirements/langchain.txt"


async def run(*command: str | Path, folder: Path, **environment: str) -> str:
    """What it prints; its errors are the test's."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return out.decode()


@pytest.fixture(scope="session")
async def langchain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has LangChain, which does not go along with what the layer has."""
    folder = tmp_path_factory.mktemp("langchain")
    uv, python = Path(sys.executable).with_name("uv"), folder / "venv/bin/python"
    await run(uv, "venv", "--python", sys.executable, "venv", folder=folder)
    await run(
        uv, "pip", "install", "--python", python, "--require-hashes", "-r", REQUIREMENTS,
        folder=folder,
    )  # fmt: skip
    return python


@pytest.fixture(scope="session")
async def npm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the npm package is."""
    if not shutil.which("node"):
        pytest.skip("Node is not installed")
    folder = tmp_path_factory.mktemp("npm")
    for name in ("package.json", "ask.mjs"):
        shutil.copy(HERE / "npm" / name, folder)
    await run("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", folder=folder)
    return folder


async def test_langchain_asks_as_it_always_does(
    langchain: Path, url: str, tenant: Tenant, text: str
) -> None:
    server = {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": tenant.key}
    seen = json.loads(await run(langchain, HERE / "langchain/ask.py", folder=HERE, **server))
    assert "two thousand hours" in seen["answer"]
    assert seen["finish_reason"] == "stop"
    assert seen["usage"]["total_tokens"] > 0
    assert seen["streamed"] == seen["answer"]
    assert "backlash" in seen["followed"]
    assert "motor" in seen["selected"]


async def test_the_npm_package_asks_as_it_always_does(
    npm: Path, url: str, tenant: Tenant, text: str
) -> None:
    server = {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": tenant.key}
    seen = json.loads(await run("node", "ask.mjs", folder=npm, **server))
    answer, streamed = seen["answer"], seen["streamed"]
    message = answer["choices"][0]["message"]
    assert seen["models"] == ["quire"]
    assert "two thousand hours" in message["content"]
    assert message["annotations"]
    assert streamed["text"] == seen["helped"] == message["content"]
    assert streamed["annotations"] == message["annotations"]
    assert streamed["usage"]["total_tokens"] >= 0
    assert streamed["quire"]["cached"]
    assert "backlash" in seen["followed"]
    assert seen["continued"] == answer["quire"]["session_id"]
    assert seen["refused"] == {
        "kind": "BadRequestError",
        "status": 400,
        "param": "tools",
        "code": "unsupported_parameter",
    }
    assert seen["missing"]["kind"] == "NotFoundError"
    assert seen["missing"]["code"] == "model_not_found"
