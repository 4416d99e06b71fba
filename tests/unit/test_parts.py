"""`make eval-parts` on two documents, of which one says its subject in its title alone."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from benchmarks.parts.__main__ import main
from benchmarks.parts.corpus import cut
from benchmarks.parts.joining import joining
from benchmarks.parts.search import Searcher, Way, Words
from benchmarks.parts.vectors import Vectors
from cli.evaluation.dataset import Dataset, Document, Query
from cli.evaluation.reading import read
from functions.ingest.indexing import indexed_text
from quire.retrieval.lexical import weigh_document, weigh_query
from quire.retrieval.ranking import Blend

RIGHT, BESIDE = (
    "It turns one way only.",
    "A ratchet is a wheel with teeth, as in a watch or a jack.",
)
WORDS = Blend(dense=0, join=False)


def searcher() -> Searcher:
    pages = {"ratchet.md": RIGHT, "teeth.md": BESIDE}
    corpus = cut(
        Dataset(
            name="gears",
            kind="questions and passages",
            unit="passage",
            documents=[Document(id=n, name=n, text=text) for n, text in pages.items()],
            queries=[
                Query(id="1", question="ratchet", relevant={"ratchet.md": 1}, quote=RIGHT),
                Query(id="2", question="teeth", relevant={"teeth.md": 1}, quote=BESIDE),
            ],
        )
    )
    texts = {True: [*map(indexed_text, corpus.chunks)], False: [RIGHT, BESIDE]}
    return Searcher(
        corpus=corpus,
        words={headed: Words(each) for headed, each in texts.items()},
        meaning={True: np.eye(2, dtype=np.float32), False: np.eye(2, dtype=np.float32)[::-1]},
        asked=np.eye(2, dtype=np.float32),
    )


def first(way: Way) -> list[str]:
    return [found.hits[0].document for found in searcher().find(way, depth=5, count=5)]


def test_headings_are_searched_only_where_they_are_wanted() -> None:
    right = ["ratchet.md", "teeth.md"]
    assert first(Way(name="", blend=WORDS)) == right
    assert first(Way(name="", blend=WORDS, headed=frozenset({"meaning"}))) == ["teeth.md"] * 2
    meaning = Blend(dense=1, join=False)
    assert first(Way(name="", blend=meaning)) == right
    assert first(Way(name="", blend=meaning, headed=frozenset({"words"}))) == right[::-1]


def test_words_are_weighed_as_qdrant_does() -> None:
    texts = ["gear gear motor", "gear", "motor", "lever"]
    scores = Words(texts).scores(weigh_query("lever gear"))
    idf = {1: math.log1p(3.5 / 1.5), 2: math.log1p(2.5 / 2.5)}
    (lever,) = weigh_document("lever").values
    assert math.isclose(scores[3], lever * idf[1], rel_tol=1e-6)
    assert math.isclose(scores[1], lever * idf[2], rel_tol=1e-6)
    assert scores[0] > scores[1] > scores[2] == 0


def test_joined_passages_are_told_against_as_many_characters() -> None:
    for one in joining(searcher(), seed=0):
        assert one.joined.value == one.apart.value == 1
        # Of "ratchet" both bear, of "teeth" one.
        assert one.characters == (len(RIGHT + BESIDE + BESIDE) / 2,) * 2


def test_a_picture_among_the_documents_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "questions.jsonl").write_text(
        json.dumps({"id": 1, "question": "ratchet", "filename": "ratchet.md", "passage": RIGHT})
    )
    (tmp_path / "ratchet.md").write_text(RIGHT)
    (tmp_path / "ratchet.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00")
    corpus = cut(read(tmp_path))
    assert set(corpus.names.values()) == {"ratchet.md"}
    assert "the first is ratchet.png" in corpus.dataset.remarks[-1]


@pytest.mark.parametrize("kept", ["vectors.npz", ""])
def test_what_holds_no_vectors_is_one_sentence(tmp_path: Path, kept: str) -> None:
    questions = Path(__file__).parents[2] / "examples" / "questions.jsonl"
    (tmp_path / "kept").mkdir()
    path = tmp_path / "kept" / "vectors.npz"
    path.write_bytes(b"PK\x03\x04 broken")
    app = typer.Typer()
    app.command()(main)
    given = path if kept else path.parent
    ended = CliRunner().invoke(app, [str(questions), "--kept", str(given)])
    assert (ended.exit_code, type(ended.exception)) == (1, SystemExit)
    assert len(ended.output.splitlines()) == 1
    assert str(path) in ended.output


def test_vectors_are_made_once(tmp_path: Path) -> None:
    new: list[int] = []

    def of(*texts: str) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        vectors = Vectors(tmp_path / "kept" / "vectors.npz")
        return vectors.of(texts, told=lambda _, count: new.append(count))

    made = of("a gear", "a motor", "a gear")
    assert np.array_equal(made, of("a gear", "a motor", "a gear"))
    of("a lever", "a motor")
    assert new == [2, 1]
