"""The results on disk: JSON for programs, and one HTML page that needs nothing else."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cli.client import Failed
from cli.evaluation import plots, show

Json = dict[str, Any]

_HARDEST = 10


def write(found: Json, folder: Path) -> list[Path]:
    """The files written; those of a half, or of so many questions, beside the others'.

    Raises Failed.
    """
    half, limit = found["options"]["half"], found["options"]["limit"]
    part = ("" if half == "all" else f"-{half}") + (f"-{limit}" if limit else "")
    pages = {
        f"results{part}.json": json.dumps(found, ensure_ascii=False, indent=1),
        f"report{part}.html": render(found),
    }
    try:
        for name, content in pages.items():
            partial = folder / f"{name}.partial"
            # A lone surrogate, which a configuration may hold, cannot be written.
            partial.write_text(content, encoding="utf-8", errors="replace")
            partial.replace(folder / name)
    except OSError as error:
        raise Failed(f"{folder} cannot be written to: {error.strerror}.") from None
    return [folder / name for name in pages]


def render(found: Json) -> str:
    """The page; all that comes from the dataset or the deployment is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    configurations, questions = found["configurations"], found["questions"]
    names = [one["name"] for one in configurations]
    walls = [[_of(asked, name)["timings"]["wall"] for asked in questions] for name in names]
    return environment.get_template("page.html.j2").render(
        found=found,
        ingested=show.ingested(found["ingestion"]),
        names=names,
        tables={
            "metrics": show.metric_rows(configurations),
            "latency": show.latency_rows(configurations),
            "usage": show.usage_rows(configurations),
        },
        plots={
            "metrics": plots.metrics(configurations),
            "recall": plots.recall(configurations),
            "latency": plots.latency(names, walls),
        },
        comparisons=[_comparison(compared, questions) for compared in found["comparisons"]],
        hardest=hardest(questions, names[0], metric=found["options"]["metric"]),
        questions={asked["id"]: asked for asked in questions},
    )


def hardest(questions: Sequence[Json], name: str, *, metric: str) -> list[Json]:
    """Those with the lowest scores, of equal ones those whose answer came last."""

    def key(asked: Json) -> tuple[float, float]:
        of = _of(asked, name)
        return of["metrics"][metric], -(of["rank"] or float("inf"))

    worst = sorted(questions, key=key)[:_HARDEST]
    return [asked for asked in worst if _of(asked, name)["metrics"][metric] < 1]


def _comparison(compared: Json, questions: Sequence[Json]) -> Mapping[str, Any]:
    metric = compared["metric"]
    each = [
        _of(asked, compared["name"])["metrics"][metric]
        - _of(asked, compared["baseline"])["metrics"][metric]
        for asked in questions
    ]
    return {
        **compared,
        "rows": show.difference_rows(compared),
        "plot": plots.differences(each, metric=metric),
    }


def _of(asked: Json, name: str) -> Json:
    of: Json = asked["configurations"][name]
    return of
