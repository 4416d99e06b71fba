"""All that an evaluation found, as the JSON that is written and that the page is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from cli.evaluation import bootstrap
from cli.evaluation.asking import DEPTH, LONGEST_QUESTION, Found, Run
from cli.evaluation.comparing import Comparison
from cli.evaluation.dataset import Dataset, Document, Query
from cli.evaluation.ingestion import Ingestion
from cli.evaluation.scoring import CUTOFFS, Scores, is_right

Json = dict[str, Any]

PERCENTS = (50, 95)
_TOP = 3
_EXCERPT = 240


def assemble(
    dataset: Dataset,
    ingestion: Ingestion,
    runs: Sequence[Run],
    scores: Sequence[Scores],
    comparisons: Mapping[str, Comparison],
    *,
    url: str,
    options: Json,
) -> Json:
    """`comparisons` with the first run, by the other's name; `options` is what was asked for."""
    pairs = list(zip(runs, scores, strict=True))
    seed: int = options["seed"]
    documents = {document.id: document for document in dataset.documents}
    return {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "url": url,
        "dataset": {
            "name": dataset.name,
            "kind": dataset.kind,
            "unit": dataset.unit,
            "documents": len(dataset.documents),
            "questions": len(dataset.queries),
            "remarks": [*dataset.remarks, *_remarks(dataset, runs)],
        },
        "options": options,
        "interval": {
            "method": "percentile bootstrap over questions",
            "level": bootstrap.LEVEL,
            "resamples": bootstrap.RESAMPLES,
        },
        "ingestion": asdict(ingestion),
        "configurations": [_configuration(run, scored, seed=seed) for run, scored in pairs],
        "comparisons": [
            _comparison(dataset, runs[0], _named(runs, name), compared)
            for name, compared in comparisons.items()
        ],
        "questions": [
            _question(query, place, pairs, documents) for place, query in enumerate(dataset.queries)
        ],
    }


def _configuration(run: Run, scored: Scores, *, seed: int) -> Json:
    names = list(scored.metrics)
    columns = np.column_stack([*scored.metrics.values(), scored.curve])
    intervals = bootstrap.means(columns, seed=seed)
    return {
        "name": run.configuration.name,
        "request": dict(run.configuration.request),
        "metrics": {name: asdict(intervals[column]) for column, name in enumerate(names)},
        "curve": [asdict(interval) for interval in intervals[len(names) :]],
        "latency_ms": {
            stage: _latency(run.found, stage, seed=seed)
            for stage in dict.fromkeys(stage for one in run.found for stage in one.timings)
        },
        "usage": dict(run.usage),
        "seconds": run.seconds,
        "asked_again": sum(one.attempts - 1 for one in run.found),
    }


def _latency(found: Sequence[Found], stage: str, *, seed: int) -> Json:
    values = np.array([one.timings[stage] for one in found if stage in one.timings])
    intervals = bootstrap.percentiles(values, PERCENTS, seed=seed)
    return {
        f"p{percent}": asdict(interval)
        for percent, interval in zip(PERCENTS, intervals, strict=True)
    }


def _comparison(dataset: Dataset, baseline: Run, other: Run, compared: Comparison) -> Json:
    examples = {
        kind: [
            {
                "question": dataset.queries[place].id,
                "difference": float(compared.each[place]),
                "found": {
                    run.configuration.name: _top(dataset, place, run) for run in (baseline, other)
                },
            }
            for place in places
        ]
        for kind, places in (("won", compared.wins), ("lost", compared.losses))
    }
    return {
        "baseline": baseline.configuration.name,
        "name": other.configuration.name,
        "metrics": {name: asdict(one) for name, one in compared.differences.items()},
        "metric": compared.metric,
        "examples": examples,
    }


def _question(
    query: Query,
    place: int,
    pairs: Sequence[tuple[Run, Scores]],
    documents: Mapping[str, Document],
) -> Json:
    return {
        "id": query.id,
        "question": query.question,
        "relevant": dict(query.relevant),
        "gold": _gold(query, documents),
        "configurations": {
            run.configuration.name: {
                "rank": scored.ranks[place],
                "metrics": {name: float(one[place]) for name, one in scored.metrics.items()},
                "timings": run.found[place].timings,
                "chunks": [hit.chunk for hit in run.found[place].hits],
            }
            for run, scored in pairs
        },
    }


def _gold(query: Query, documents: Mapping[str, Document]) -> list[Json]:
    """The first few of what answers it, to be shown."""
    found = [documents[name] for name in query.relevant if name in documents][:_TOP]
    return [
        {
            "document": document.id,
            "title": document.title or document.id,
            "text": shortened(query.quote or _body(document)),
        }
        for document in found
    ]


def _body(document: Document) -> str:
    """Its text without the heading that is its title."""
    text = document.text or ""
    return text.partition("\n\n")[2] if document.title else text


def _top(dataset: Dataset, place: int, run: Run) -> list[Json]:
    query = dataset.queries[place]
    return [
        {
            "document": hit.document,
            "title": hit.title,
            "text": shortened(hit.text),
            "right": is_right(query, hit, unit=dataset.unit),
        }
        for hit in run.found[place].hits[:_TOP]
    ]


def shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT else line[: _EXCERPT - 1].rstrip() + "…"


def _remarks(dataset: Dataset, runs: Sequence[Run]) -> list[str]:
    remarks = []
    if cut := sum(len(query.question) > LONGEST_QUESTION for query in dataset.queries):
        remarks.append(f"{cut} questions were cut to {LONGEST_QUESTION:,} characters.")
    asked = [one for run in runs for one in run.found]
    if foreign := sum(one.foreign for one in asked):
        fewest = min(len(one.hits) for one in asked if one.foreign)
        remarks.append(
            f"{foreign / len(asked):.1f} chunks a question were of documents that are not in this "
            f"dataset and were left out, of some question all but {fewest:,}: figures that look "
            f"deeper than {fewest:,} chunks, {_deeper(fewest)}, are too low. A tenant of the "
            "dataset's own avoids it."
        )
    return remarks


def _deeper(chunks: int) -> str:
    """The first of the metrics that look deeper than so many chunks."""
    first = next((k for k in CUTOFFS if k > chunks), DEPTH)
    at = f"recall@{first} and beyond" if first < DEPTH else f"as recall@{DEPTH}"
    return f"nDCG@10, MRR@10, {at}" if chunks < 10 else at


def _named(runs: Sequence[Run], name: str) -> Run:
    return next(run for run in runs if run.configuration.name == name)
