"""OpenAI's embeddings without a model: any text has a vector at once, the same one each time."""

import asyncio
import hashlib

import numpy as np
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.model_wire import EmbeddingsBody, embeddings_json

DIMENSIONS = 384
# A text that has this word takes its time, as many texts do.
SLOWLY = "slowly"
_SLOW_SECONDS = 2.2


def create_app() -> Starlette:
    return Starlette(routes=[Route("/v1/embeddings", _embeddings, methods=["POST"])])


async def _embeddings(request: Request) -> Response:
    body = EmbeddingsBody.model_validate_json(await request.body())
    texts = body.texts()
    if any(SLOWLY in text for text in texts):
        await asyncio.sleep(_SLOW_SECONDS)
    vectors = np.stack([_vector(text) for text in texts])
    written = embeddings_json(
        vectors, tokens=sum(map(len, texts)) // 4, encoding_format=body.encoding_format
    )
    return Response(written, media_type="application/json")


def _vector(text: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    vector = np.random.default_rng(seed).standard_normal(DIMENSIONS).astype(np.float32)
    unit: np.ndarray[tuple[int], np.dtype[np.float32]] = vector / np.linalg.norm(vector)
    return unit
