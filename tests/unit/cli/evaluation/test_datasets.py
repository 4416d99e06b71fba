"""The three layouts, what is chosen of them, and the sentences that bad ones get."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.client import Failed
from cli.evaluation.dataset import BadDataset, Document, Span, choose, claim
from cli.evaluation.reading import read

EXAMPLES = Path(__file__).parents[4] / "examples"
CORPUS = [
    {"_id": "a/1", "title": "Walking", "text": "One foot.\r\nThe other."},
    {"_id": "b", "title": "", "text": "Stand \u2028 up."},
    {"_id": "c", "title": "", "text": " "},
]
QUERIES = [{"_id": "q1", "text": "How to walk?"}, {"_id": "q2", "text": "Who knows?"}]
QRELS = "query-id\tcorpus-id\tscore\nq1\ta/1\t2\nq1\tb\t0\n"
CONTEXT = "Größe: it is 7 m tall."


def lines(*found: object) -> str:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in found)


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    folder = tmp_path / "my facts"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text(lines(*CORPUS), encoding="utf-8")
    (folder / "queries.jsonl").write_text(lines(*QUERIES), encoding="utf-8")
    (folder / "qrels.tsv").write_text(QRELS)
    return folder


def squad(folder: Path, **question: Any) -> Path:
    answers = [{"text": "7 m", "answer_start": 13}]
    asked = {"id": "x", "question": "How tall?", "answers": answers, **question}
    unanswerable = {"id": "y", "question": "Why?", "answers": [], "is_impossible": True}
    article = {
        "title": "Tall_things",
        "paragraphs": [
            {"context": CONTEXT, "qas": [asked]},
            {"context": CONTEXT, "qas": [unanswerable]},
        ],
    }
    path = folder / "things.json"
    path.write_text(json.dumps({"version": "1", "data": [article]}), encoding="utf-8")
    return path


def test_beir(beir: Path) -> None:
    found = read(beir)
    assert (found.name, found.kind, found.unit) == ("my-facts", "BEIR", "document")
    walking, standing = found.documents
    assert walking.text == "# Walking\n\nOne foot.\nThe other."
    assert standing.text == "Stand \u2028 up."
    assert "/" not in walking.name
    assert found.filename(standing) == "my-facts/b.md"
    (query,) = found.queries
    assert (query.id, query.question, query.relevant) == ("q1", "How to walk?", {"a/1": 2})
    assert query.passages == [Span("a/1", 0, len(walking.text))]
    assert found.remarks == [
        "Left out for want of text: 1 of 3 documents.",
        "Left out for want of a relevant document with text: 1 of 2 queries.",
    ]


def test_a_query_that_nothing_can_answer_is_left_out(beir: Path) -> None:
    (beir / "qrels.tsv").write_text(QRELS + "q2\tc\t1\n")
    (query,) = read(beir).queries
    assert query.id == "q1"


def test_what_is_no_character_is_replaced(beir: Path) -> None:
    (beir / "corpus.jsonl").write_text(json.dumps({"_id": "a/1", "text": "One \ud800 \x00 foot."}))
    (beir / "qrels.tsv").write_text("q1\ta/1\t1\n")
    (document,) = read(beir).documents
    assert document.text == "One ?   foot."


def test_what_cannot_be_read_is_left_out_unless_it_is_asked_for() -> None:
    found = read(EXAMPLES)
    needed = {name for query in found.queries for name in query.relevant}
    picture = Document(id="p.png", name="p.png", path=Path("p.png"))
    more = replace(found, documents=[picture, *found.documents])
    readable = more.without({"p.png": "This file is not text."})
    assert readable.documents == found.documents
    (remark,) = readable.remarks
    assert remark.endswith("1 of 11 documents; the first is p.png: This file is not text.")
    with pytest.raises(BadDataset, match="needs it: It is empty"):
        found.without(dict.fromkeys(needed, "It is empty."))


def test_beir_as_it_is_published(beir: Path) -> None:
    (beir / "qrels").mkdir()
    (beir / "qrels.tsv").rename(beir / "qrels" / "test.tsv")
    assert [query.id for query in read(beir).queries] == ["q1"]


def test_squad(tmp_path: Path) -> None:
    found = read(squad(tmp_path))
    (document,) = found.documents
    assert document.text == f"# Tall things\n\n{CONTEXT}"
    (query,) = found.queries
    assert query.relevant == {document.id: 1}
    (passage,), (answer,) = query.passages, query.answers
    assert document.text[passage.start : passage.end] == CONTEXT
    assert document.text[answer.start : answer.end] == "7 m"
    assert found.remarks == ["Left out for want of an answer: 1 of 2 questions."]


def test_our_own_questions() -> None:
    found = read(EXAMPLES / "questions.jsonl")
    assert (found.name, found.unit) == ("examples", "passage")
    assert (len(found.documents), len(found.queries)) == (10, 40)
    assert all(query.quote for query in found.queries)
    assert read(EXAMPLES) == found
    assert read(EXAMPLES / "questions.jsonl", documents=EXAMPLES / "book") == found


def test_halves_are_disjoint_whole_and_the_same_each_time() -> None:
    found = read(EXAMPLES)
    first, second = (choose(found, half=half, limit=None, seed=0) for half in ("first", "second"))
    ids = [{query.id for query in half.queries} for half in (first, second)]
    assert [len(half) for half in ids] == [20, 20]
    assert not ids[0] & ids[1]
    assert first == choose(found, half="first", limit=None, seed=0)
    assert first != choose(found, half="first", limit=None, seed=1)
    assert first.documents == found.documents


def test_a_folder_belongs_to_one_dataset(tmp_path: Path) -> None:
    folder = tmp_path / "build"
    claim(folder, tmp_path / "a" / "facts")
    claim(folder, tmp_path / "a" / "facts" / "questions.jsonl")
    with pytest.raises(Failed, match=r"holds what came of .*/a/facts; name another folder"):
        claim(folder, tmp_path / "b" / "facts")
    (tmp_path / "file").touch()
    with pytest.raises(Failed, match="cannot be written to"):
        claim(tmp_path / "file", EXAMPLES)


def test_a_limit_keeps_what_answers() -> None:
    found = choose(read(EXAMPLES), half="all", limit=6, seed=0)
    assert [query.id for query in found.queries] == ["q01", "q02", "q03", "q04", "q05", "q06"]
    assert len(found.documents) == 6
    assert {name for query in found.queries for name in query.relevant} <= {
        document.id for document in found.documents
    }


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("corpus.jsonl", lines(CORPUS[0]) + "{", "corpus.jsonl line 2 is not JSON."),
        ("corpus.jsonl", "[]", "corpus.jsonl line 1 is not a JSON object."),
        ("corpus.jsonl", "\n", "corpus.jsonl has no documents."),
        ("corpus.jsonl", lines({"text": "x"}), "corpus.jsonl line 1 has no text under '_id'."),
        ("corpus.jsonl", lines(CORPUS[0], CORPUS[0]), "corpus.jsonl line 2 repeats the id a/1."),
        ("queries.jsonl", "", "queries.jsonl has no queries."),
        ("queries.jsonl", lines({"_id": "q1", "text": " "}), "nothing but white space"),
        ("qrels.tsv", "q1 a/1 1", "qrels.tsv line 1 has not three fields"),
        ("qrels.tsv", "q1\ta/1\tyes", "line 1 has the score 'yes', which is no integer."),
        ("qrels.tsv", f"q1\ta/1\t{2**63}", "qrels.tsv line 1 has a score above 2,147,483,647."),
        ("qrels.tsv", QRELS + "q9\tb\t1", "qrels.tsv line 4 names the query q9"),
        ("qrels.tsv", QRELS + "q1\tz\t1", "qrels.tsv line 4 names the document z"),
        ("qrels.tsv", "q1\tb\t0", "has no relevant document for any query"),
    ],
)
def test_bad_beir(beir: Path, file: str, content: str, said: str) -> None:
    (beir / file).write_text(content)
    with pytest.raises(BadDataset) as raised:
        read(beir)
    assert said in raised.value.message
    assert str(beir / file) in raised.value.message


@pytest.mark.parametrize("file", ["queries.jsonl", "qrels.tsv"])
def test_beir_with_a_file_missing(beir: Path, file: str) -> None:
    (beir / file).unlink()
    with pytest.raises(BadDataset, match=f"{file} is missing"):
        read(beir)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"answers": [{"text": "8 m", "answer_start": 13}]}, "answers[0] is not in its paragraph"),
        ({"answers": [{"text": "7 m"}]}, "answers[0] is not in its paragraph at None."),
        ({"answers": "7 m"}, "qas[0] has no list of objects under 'answers'."),
        ({"question": None}, "data[0].paragraphs[0].qas[0] has no text under 'question'."),
        ({"id": "y"}, "paragraphs[1].qas[0] repeats the id y."),
        ({"answers": []}, "has no question with an answer."),
    ],
)
def test_bad_squad(tmp_path: Path, question: dict[str, Any], said: str) -> None:
    with pytest.raises(BadDataset) as raised:
        read(squad(tmp_path, **question))
    assert said in raised.value.message


def test_bad_files(tmp_path: Path) -> None:
    for name, content, said in [
        ("a.json", b'{"data":\n', "a.json line 2 is not JSON"),
        ("b.json", b"[]", "b.json is not a JSON object"),
        ("c.json", b"\xff", "c.json is not text in UTF-8."),
        ("d.jsonl", b"", "d.jsonl has no questions."),
        ("e.txt", b"", "is no dataset"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadDataset) as raised:
            read(tmp_path / name)
        assert said in raised.value.message
    with pytest.raises(BadDataset, match="There is no dataset at"):
        read(tmp_path / "nowhere")


def test_bad_questions(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    asked = {"id": 1, "question": "?", "filename": "a.md", "passage": "One."}
    path.write_text(lines(asked))
    with pytest.raises(BadDataset, match=r"there is no folder with a\.md; name .* --documents"):
        read(path)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.md").write_text("One.")
    with pytest.raises(BadDataset, match="there is more than one folder"):
        read(path)
    assert len(read(path, documents=tmp_path / "one").documents) == 1
    path.write_text(lines(asked, {**asked, "id": 2, "filename": "b.md"}))
    with pytest.raises(BadDataset, match=r"line 2 names b\.md, which .* has not\."):
        read(path, documents=tmp_path / "one")
