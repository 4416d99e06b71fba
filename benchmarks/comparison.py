"""Whom Quire is compared with, where that is installed."""

LANGCHAIN = "LangChain"
MISSING = 3  # the exit code of its side where it is not
HINT = (
    "LangChain is not installed: `uv pip install --target build/langchain "
    "langchain-text-splitters langchain-openai langchain-qdrant`, "
    "then run this again with PYTHONPATH=build/langchain."
)
