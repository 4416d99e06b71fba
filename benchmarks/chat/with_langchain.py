"""The same questions the way LangChain's guides have it: a retriever, a prompt and a model in a
chain, behind FastAPI.

It answers, and that is all: no tenants, no history, nothing stored, no citation checked.
"""

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from benchmarks.comparison import MISSING

_PASSAGES = 8
_PROMPT = (
    "You are an assistant for question-answering tasks. Use the following pieces of retrieved "
    "context to answer the question. If you don't know the answer, just say that you don't know. "
    "Use three sentences maximum and keep the answer concise.\n\n"
    "Question: {question}\n\nContext: {context}\n\nAnswer:"
)


class Body(BaseModel):
    question: str


def create_app(chain: Any) -> FastAPI:
    app = FastAPI()

    @app.post("/v1/chat")
    async def chat(body: Body) -> dict[str, str]:
        return {"answer": await chain.ainvoke(body.question)}

    @app.post("/v1/chat/stream")
    async def stream(body: Body) -> StreamingResponse:
        async def events() -> AsyncIterator[str]:
            async for text in chain.astream(body.question):
                yield f"data: {json.dumps({'answer': text})}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    return app


def main(
    folder: Path, model_url: str, qdrant_url: str, model: str, *, dimensions: int, port: int
) -> None:
    try:
        from langchain_core.output_parsers import StrOutputParser
        from langchain_core.prompts import ChatPromptTemplate
        from langchain_core.runnables import RunnablePassthrough
        from langchain_openai import ChatOpenAI

        from benchmarks import langchain
    except ImportError:
        sys.exit(MISSING)
    store, _ = langchain.index(
        langchain.read(folder),
        model_url=model_url,
        qdrant_url=qdrant_url,
        model=model,
        dimensions=dimensions,
    )

    def together(documents: list[Any]) -> str:
        return "\n\n".join(document.page_content for document in documents)

    passages = store.as_retriever(search_kwargs={"k": _PASSAGES}) | together
    chain = (
        {"context": passages, "question": RunnablePassthrough()}
        | ChatPromptTemplate.from_template(_PROMPT)
        | ChatOpenAI(model="instant", base_url=f"{model_url}/v1", api_key="local")
        | StrOutputParser()
    )
    uvicorn.run(
        create_app(chain), host="127.0.0.1", port=port, access_log=False, log_level="warning"
    )


if __name__ == "__main__":
    _, folder, *where, size, at = sys.argv
    main(Path(folder), *where, dimensions=int(size), port=int(at))
