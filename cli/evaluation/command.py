"""`quire eval`: bring a dataset, ask its questions, score what was found, and compare."""

import json
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from cli import terminal
from cli.client import Failed, Quire
from cli.connection import AsJson, run
from cli.evaluation import asking, dataset, ingestion, reading, show
from cli.evaluation.asking import Configuration
from cli.evaluation.dataset import BadDataset, Dataset, Half

METRIC = "nDCG@10"
# Needed here only, and not small; so they are no part of what `make run` installs.
_PACKAGES = ("ir_measures", "jinja2", "matplotlib", "numpy")
_NAMED = re.compile(r"(?P<name>[^=]{1,40})=(?P<request>.+)", re.DOTALL)

eval_app = typer.Typer()


@eval_app.command("eval")
def evaluate(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(metavar="DATASET", help="A BEIR folder, SQuAD JSON, questions.jsonl.")
    ],
    with_: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="NAME=JSON",
            help="A configuration: JSON to merge into each /v1/retrieve request. Repeat it to "
            "compare; the first is the baseline.",
        ),
    ] = None,
    documents: Annotated[
        Path | None, typer.Option(help="The folder that a questions.jsonl is about.")
    ] = None,
    half: Annotated[
        Half, typer.Option(help="Of the questions: tune on one half, report the other.")
    ] = "all",
    limit: Annotated[
        int | None, typer.Option(min=1, help="So many questions and documents, for a quick look.")
    ] = None,
    metric: Annotated[str, typer.Option(help="Which one examples are chosen by.")] = METRIC,
    seed: Annotated[int, typer.Option(min=0, help="Of the halves and the intervals.")] = 0,
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Questions at once.")] = 4,
    out: Annotated[
        Path | None,
        typer.Option(help="The folder for JSON and HTML.", show_default="build/eval/DATASET"),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds to wait, once all are sent, until they are ready.")
    ] = 7_200,
    as_json: AsJson = False,
) -> None:
    """Measure how well questions find what answers them, and what that takes."""
    configurations = _configurations(with_ or [])
    options: dict[str, Any] = {
        "half": half,
        "limit": limit,
        "seed": seed,
        "concurrency": concurrency,
        "metric": metric,
    }

    async def work(quire: Quire) -> None:
        _check_installed()
        from cli.evaluation import page

        chosen = dataset.choose(
            reading.read(path, documents=documents), half=half, limit=limit, seed=seed
        )
        folder = out or Path("build", "eval", chosen.name)
        dataset.claim(folder, path)
        found = await _evaluate(quire, chosen, configurations, options, timeout=timeout)
        written = page.write(found, folder)
        if as_json:
            terminal.raw(found)
        else:
            show.results(found)
            terminal.sentence(f"Written: {' and '.join(str(path) for path in written)}")

    run(context, work)


async def _evaluate(
    quire: Quire,
    chosen: Dataset,
    configurations: Sequence[Configuration],
    options: dict[str, Any],
    *,
    timeout: float,
) -> dict[str, Any]:
    """All of it, as the JSON that is written. Raises Failed."""
    from cli.evaluation import results, scoring
    from cli.evaluation.comparing import compare

    metric = options["metric"]
    if metric not in (measured := scoring.measured(chosen)):
        raise Failed(f"{metric} is not measured here; choose one of: {', '.join(measured)}.")
    await asking.try_out(quire, chosen, configurations)
    with _going_on(), terminal.progress() as progress:
        brought = await ingestion.bring(quire, chosen, progress, timeout=timeout)
        chosen = await ingestion.locate(quire, brought.dataset, brought.ids)
        runs, scores = [], []
        for configuration in configurations:
            task = progress.add_task(configuration.name, total=len(chosen.queries), amount="")
            answered = await asking.ask(
                quire,
                chosen,
                configuration,
                concurrency=options["concurrency"],
                advance=partial(progress.advance, task),
            )
            runs.append(answered)
            scores.append(scoring.score(chosen, answered.found))
    comparisons = {
        other.configuration.name: compare(scores[0], scored, metric=metric, seed=options["seed"])
        for other, scored in zip(runs[1:], scores[1:], strict=True)
    }
    return results.assemble(
        chosen, brought.ingestion, runs, scores, comparisons, url=quire.url, options=options
    )


@contextmanager
def _going_on() -> Iterator[None]:
    """Say of what fails on the way that it was not for nothing."""
    try:
        yield
    except BadDataset:
        raise
    except Failed as failed:
        raise Failed(
            f"{failed.message} What was sent stays: a second run goes on from there.",
            request_id=failed.request_id,
        ) from None


def _configurations(given: Sequence[str]) -> list[Configuration]:
    """Raises BadParameter."""
    found: dict[str, Configuration] = {}
    for text in given:
        named = _NAMED.fullmatch(text)
        request = _request(named["request"]) if named else None
        if named is None or request is None:
            raise typer.BadParameter(
                f"""{text!r} is not of the form NAME='{{"field": "value"}}'."""
            )
        if named["name"] in show.TAKEN:
            raise typer.BadParameter(f"{named['name']} is the name of a column; choose another.")
        if named["name"].startswith("_"):
            raise typer.BadParameter(
                "The name of a configuration cannot begin with _: plots drop it."
            )
        if "question" in request:
            raise typer.BadParameter("A configuration cannot hold a question: the dataset has all.")
        if named["name"] in found:
            raise typer.BadParameter(f"Two configurations are named {named['name']}.")
        found[named["name"]] = Configuration(named["name"], request)
    return list(found.values()) or [Configuration("default")]


def _request(text: str) -> dict[str, Any] | None:
    """The JSON object that it is; None where it is none."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"JSON has no {constant}.")

    try:
        found = json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _check_installed() -> None:
    # The first time on a machine it says that it looks for fonts.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    for name in _PACKAGES:
        if find_spec(name) is None:
            raise Failed(
                f"`quire eval` needs {name}: "
                "`.venv/bin/python -m pip install --require-hashes -r requirements/eval.txt`."
            )
