"""What is ingested: a folder, or a BEIR corpus of which each line becomes a file."""

import json
import shutil
from itertools import islice
from pathlib import Path


def lay_out(corpus: Path, folder: Path, *, limit: int | None) -> int:
    """Put the first `limit` documents of `corpus` into `folder` as files; how many there are."""
    folder.mkdir(parents=True)
    if corpus.is_dir():
        files = files_in(corpus)[:limit]
        for path in files:
            place = folder / path.relative_to(corpus)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
        return len(files)
    with corpus.open(encoding="utf-8") as lines:
        documents = [json.loads(line) for line in islice(lines, limit)]
    for document in documents:
        text = f"# {document['title']}\n\n{document['text']}"
        (folder / f"{document['_id']}.md").write_text(text, encoding="utf-8")
    return len(documents)


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def lay_out_small(folder: Path, *, count: int) -> None:
    """Files of one sentence, to have every worker started before anything is measured."""
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"warm-{number}.txt").write_text(f"Warm-up number {number}.")
