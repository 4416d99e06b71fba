import json
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_every_question_has_its_passage_word_for_word() -> None:
    lines = (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    assert len(questions) == len({q["question"] for q in questions}) == 40
    for question in questions:
        chapter = (EXAMPLES / "book" / question["filename"]).read_text(encoding="utf-8")
        assert chapter.count(question["passage"]) == 1, question["id"]
