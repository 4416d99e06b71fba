"""`quire eval`: what is brought, asked, told and written."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.command import ROOT, Ended, Quire, call
from tests.integration.cli.contract import KEY, REQUEST_ID
from tests.integration.cli.deployment import CAUSE, Deployment

COUNTS = ("requests", "prompt_tokens", "completion_tokens", "embedding_tokens", "cost_usd")
CORPUS = {"d1": "a red apple", "d2": "a green pear", "d3": "a blue plum & <i>more</i>"}
# The first is found at once; the second third, as two others share more words with it.
QUESTIONS = {"q1": "green pear", "q2": "<script>alert(1)</script> a red plum or a blue apple"}
ANSWERS = {"q1": "d2", "q2": "d2"}


@pytest.fixture(autouse=True)
def counting(deployment: Deployment) -> None:
    deployment.quick = True
    deployment.usage = {"total": dict.fromkeys(COUNTS, 0)}


@pytest.fixture
def fruit(tmp_path: Path) -> Path:
    folder = tmp_path / "fruit"
    folder.mkdir()
    files = {
        "corpus.jsonl": [{"_id": k, "title": k, "text": v} for k, v in CORPUS.items()],
        "queries.jsonl": [{"_id": k, "text": v} for k, v in QUESTIONS.items()],
    }
    for name, found in files.items():
        (folder / name).write_text("\n".join(map(json.dumps, found)))
    qrels = [f"{query}\t{document}\t1" for query, document in ANSWERS.items()]
    (folder / "qrels.tsv").write_text("\n".join(qrels))
    return folder


def written(folder: Path) -> tuple[dict[str, Any], str]:
    found: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    return found, (folder / "report.html").read_text(encoding="utf-8")


async def test_a_dataset_is_brought_asked_and_scored(
    deployment: Deployment, quire: Quire, fruit: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ended = await quire("eval", str(fruit), "--out", str(out))
    assert (ended.code, ended.err) == (0, "")
    assert set(deployment.documents) == {f"fruit/{name}.md" for name in CORPUS}
    stored = deployment.documents["fruit/d1.md"].text
    assert stored == "# d1\n\na red apple"
    found, page = written(out)
    (configuration,) = found["configurations"]
    metrics = {name: one["value"] for name, one in configuration["metrics"].items()}
    assert metrics == pytest.approx(
        {
            "nDCG@10": (1 + 1 / 2) / 2,
            "MRR@10": (1 + 1 / 3) / 2,
            "recall@1": 0.5,
            "recall@5": 1,
            "recall@10": 1,
            "recall@100": 1,
            "excerpt recall@1": 0.5,
            "excerpt recall@5": 1,
            "excerpt recall@10": 1,
            "excerpt recall@100": 1,
        }
    )
    assert configuration["metrics"]["MRR@10"]["low"] == pytest.approx(1 / 3)
    assert configuration["metrics"]["MRR@10"]["high"] == 1
    assert configuration["usage"]["requests"] == 2
    assert configuration["latency_ms"]["search"]["p95"]["value"] == 3
    assert found["ingestion"]["documents"] == found["ingestion"]["brought"] == 3
    ranks = [asked["configurations"]["default"]["rank"] for asked in found["questions"]]
    assert ranks == [1, 3]
    assert "MRR@10              0.667 [0.333, 1.000]" in ended.out
    assert f"Written: {out}/results.json and {out}/report.html" in ended.out
    assert page.count("<svg") == 3


async def test_what_is_there_is_not_brought_again(
    deployment: Deployment, quire: Quire, fruit: Path, tmp_path: Path
) -> None:
    await quire("eval", str(fruit), "--out", str(tmp_path))
    deployment.received.clear()
    half = await quire("eval", str(fruit), "--out", str(tmp_path), "--half", "first")
    assert f"Written: {tmp_path}/results-first.json and {tmp_path}/report-first.html" in half.out
    assert written(tmp_path)[0]["options"]["half"] == "all"
    ended = await quire("eval", str(fruit), "--out", str(tmp_path), "--json")
    assert not deployment.received
    assert json.loads(ended.out) == written(tmp_path)[0]
    assert json.loads(ended.out)["ingestion"]["brought"] == 0


async def test_configurations_are_compared_question_by_question(
    deployment: Deployment, quire: Quire, fruit: Path, tmp_path: Path
) -> None:
    bold = "<b>$x_1$</b>"
    both = ["--with", 'deep={"top_k": 3}', "--with", bold + '={"top_k": 2}']
    ended = await quire("eval", str(fruit), "--out", str(tmp_path), *both)
    assert {asked["top_k"] for asked in deployment.asked if "top_k" in asked} == {2, 3}
    found, page = written(tmp_path)
    (compared,) = found["comparisons"]
    assert (compared["baseline"], compared["name"]) == ("deep", bold)
    ranked = compared["metrics"]["nDCG@10"]
    assert [ranked[name] for name in ("won", "lost", "tied")] == [0, 1, 1]
    assert ranked["difference"] == pytest.approx({"value": -0.25, "low": -0.5, "high": 0})
    (lost,) = compared["examples"]["lost"]
    assert lost["question"] == "q2"
    assert [hit["document"] for hit in lost["found"]["deep"]] == ["d1", "d3", "d2"]
    assert [hit["right"] for hit in lost["found"]["deep"]] == [False, False, True]
    row = next(line for line in ended.out.splitlines()[::-1] if line.startswith("nDCG@10"))
    assert row.split() == ["nDCG@10", "0", "1", "1", "-0.250", "[-0.500,", "+0.000]"]
    # Whatever anybody calls a thing, it stays text.
    assert "<script" not in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert page.count("<svg") == 4


async def test_the_page_needs_no_network(quire: Quire, fruit: Path, tmp_path: Path) -> None:
    await quire("eval", str(fruit), "--out", str(tmp_path))
    _, page = written(tmp_path)
    assert "default-src 'none'" in page
    assert not re.findall(r"""(?:(?<!:)href|src)=["'](?!#)|@import|url\((?!#)""", page)


async def test_our_own_questions_know_their_passage(
    deployment: Deployment, quire: Quire, tmp_path: Path
) -> None:
    book = tmp_path / "fruits" / "book"
    book.mkdir(parents=True)
    (book / "pear.txt").write_text("Pears are green.")
    (book / "plum.txt").write_text("Plums are blue.")
    (book / "blank.png").write_text("blank")
    (book / "empty.txt").touch()
    asked = {"id": 1, "question": "Pears are", "filename": "pear.txt", "passage": "are green."}
    path = book.parent / "questions.jsonl"
    path.write_text(json.dumps(asked))
    await quire("eval", str(path), "--out", str(tmp_path))
    found, _ = written(tmp_path)
    ready = {name for name, one in deployment.documents.items() if one.shown["status"] == "ready"}
    assert ready == {"fruits/pear.txt", "fruits/plum.txt"}
    remark, *_ = found["dataset"]["remarks"]
    assert remark.endswith(f"2 of 4 documents; the first is blank.png: {CAUSE}")
    assert found["questions"][0]["configurations"]["default"]["rank"] == 1
    path.write_text(json.dumps({**asked, "passage": "are red."}))
    ended = await quire("eval", str(path), "--out", str(tmp_path))
    said = "The passage of question 1 is not in pear.txt word for word."
    assert ended == Ended(1, "", f"Error: {said}\n")


async def test_others_documents_do_not_count(
    deployment: Deployment, quire: Quire, fruit: Path, tmp_path: Path
) -> None:
    deployment.expect("other.md")
    deployment.ingest("other.md", b"green pear")
    ended = await quire("eval", str(fruit), "--out", str(tmp_path))
    found, _ = written(tmp_path)
    assert found["questions"][0]["configurations"]["default"]["rank"] == 1
    assert "1.0 chunks a question were of documents that are not in this dataset" in ended.out
    deep = "all but 3: figures that look deeper than 3 chunks, nDCG@10, MRR@10, recall@5 and beyond"
    assert deep in ended.out


async def test_a_busy_deployment_is_asked_again(
    deployment: Deployment, quire: Quire, fruit: Path, tmp_path: Path
) -> None:
    deployment.overloaded = 1
    ended = await quire("eval", str(fruit), "--out", str(tmp_path), "--limit", "1")
    assert ended.code == 0
    assert deployment.overloaded == 0
    assert len(deployment.documents) == 1


async def test_a_poorer_search_is_no_figure(
    deployment: Deployment, quire: Quire, fruit: Path, tmp_path: Path
) -> None:
    deployment.degraded = 1
    ended = await quire("eval", str(fruit), "--out", str(tmp_path), "--concurrency", "1")
    assert (ended.code, deployment.usage["total"]["requests"]) == (0, 1 + 1 + 1 + 2)
    deployment.degraded = 1_000
    ended = await quire("eval", str(fruit), "--out", str(tmp_path))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: Questions are searched without embeddings: ")


async def test_too_many_requests_wait_as_long_as_they_are_told(
    deployment: Deployment, quire: Quire, fruit: Path, tmp_path: Path
) -> None:
    deployment.allowed = {"uploads": 1, "questions": 2}
    ended = await quire("eval", str(fruit), "--out", str(tmp_path))
    assert (ended.code, ended.err) == (0, "")
    # Both that had to wait were asked again once, not sooner.
    assert deployment.refused == {"uploads": 2, "questions": 1}


async def test_what_goes_wrong_is_one_sentence(
    deployment: Deployment, quire: Quire, fruit: Path, tmp_path: Path
) -> None:
    async def said(*arguments: str) -> str:
        ended = await quire("eval", str(fruit), "--out", str(tmp_path), *arguments)
        assert (ended.code, ended.out) == (1, "")
        return ended.err.removeprefix("Error: ").rstrip()

    qrels = (fruit / "qrels.tsv").read_text()
    (fruit / "qrels.tsv").write_text(qrels + "\nq1\td9\t1")
    expected = f"{fruit}/qrels.tsv line 3 names the document d9, which corpus.jsonl has not."
    assert await said() == expected
    assert not deployment.documents
    (fruit / "qrels.tsv").write_text(qrels)
    refused = await said("--with", 'x={"rerank": true}')
    assert refused == f"These fields are not known: rerank. (request {REQUEST_ID})"
    assert (await said("--metric", "nDCG")).startswith("nDCG is not measured here; choose one of:")
    (tmp_path / "file").touch()
    unwritable = await said("--out", f"{tmp_path}/file/out")
    assert unwritable == f"{tmp_path}/file/out cannot be written to: Not a directory."
    assert not deployment.documents
    with (fruit / "corpus.jsonl").open("a") as corpus:
        corpus.write("\n" + json.dumps({"_id": "d4", "title": "", "text": "blank"}))
    failed = f"Of 4 documents 1 failed; the first is fruit/d4.md: {CAUSE}"
    assert await said() == f"{failed} What was sent stays: a second run goes on from there."


async def test_what_is_to_be_installed(deployment: Deployment, fruit: Path, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text("import sys\nsys.modules['ir_measures'] = None\n")
    path = f"{hidden}:{ROOT}"
    ended = await call(
        "eval", str(fruit), QUIRE_URL=deployment.url, QUIRE_API_KEY=KEY, PYTHONPATH=path
    )
    assert ended.code == 1
    assert ended.err.startswith("Error: `quire eval` needs ir_measures: ")
    assert "requirements/eval.txt" in ended.err
    assert not deployment.documents
