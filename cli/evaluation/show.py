"""What the terminal shows of an evaluation."""

from typing import Any

from cli import terminal

Json = dict[str, Any]

_METRIC, _LATENCY, _USED = "metric", "latency, ms", "used by all questions"
# What a configuration cannot be called: its column would stand where the rows' names do.
TAKEN = frozenset({_METRIC, _LATENCY, _USED})


def results(found: Json) -> None:
    """All tables, in the order of the page."""
    dataset, ingestion = found["dataset"], found["ingestion"]
    terminal.sentence(
        f"{dataset['name']} ({dataset['kind']}): {dataset['questions']:,} questions about "
        f"{dataset['documents']:,} documents, {ingestion['chunks']:,} chunks"
    )
    terminal.sentence(ingested(ingestion), "dim")
    for remark in dataset["remarks"]:
        terminal.sentence(remark, "yellow")
    configurations = found["configurations"]
    terminal.out.print()
    terminal.out.print(terminal.table(metric_rows(configurations)))
    terminal.out.print()
    terminal.out.print(terminal.table(latency_rows(configurations)))
    terminal.out.print()
    terminal.out.print(terminal.table(usage_rows(configurations)))
    for compared in found["comparisons"]:
        terminal.out.print()
        terminal.sentence(f"{compared['name']} compared with {compared['baseline']}", "bold")
        terminal.out.print(terminal.table(difference_rows(compared)))
    terminal.out.print()
    terminal.sentence("In brackets: 95 % bootstrap intervals over the questions.", "dim")


def ingested(ingestion: Json) -> str:
    told = f"{ingestion['tokens']:,} tokens embedded for ${ingestion['cost_usd']:.4f}"
    if ingestion["brought"]:
        return f"{ingestion['brought']:,} documents read in {ingestion['seconds']:,.0f} s; {told}."
    return f"All documents were there already; {told} when they were read."


def metric_rows(configurations: list[Json]) -> list[dict[str, str]]:
    return [
        {
            _METRIC: name,
            **{one["name"]: interval(one["metrics"][name]) for one in configurations},
        }
        for name in configurations[0]["metrics"]
    ]


def latency_rows(configurations: list[Json]) -> list[dict[str, str]]:
    stages = dict.fromkeys(stage for one in configurations for stage in one["latency_ms"])
    return [
        {
            _LATENCY: f"{stage} {percent}",
            **{one["name"]: _milliseconds(one, stage, percent) for one in configurations},
        }
        for stage in stages
        for percent in ("p50", "p95")
    ]


def usage_rows(configurations: list[Json]) -> list[dict[str, str]]:
    figures = {
        "requests": "{:,.0f}",
        "embedding_tokens": "{:,.0f}",
        "prompt_tokens": "{:,.0f}",
        "completion_tokens": "{:,.0f}",
        "cost_usd": "${:.6f}",
    }
    rows = [
        {
            _USED: name.removesuffix("_usd").replace("_", " "),
            **{one["name"]: form.format(one["usage"][name]) for one in configurations},
        }
        for name, form in figures.items()
    ]
    seconds = {one["name"]: f"{one['seconds']:,.1f}" for one in configurations}
    return [*rows, {_USED: "seconds", **seconds}]


def difference_rows(compared: Json) -> list[dict[str, str]]:
    return [
        {
            "metric": name,
            "won": f"{one['won']:,}",
            "lost": f"{one['lost']:,}",
            "tied": f"{one['tied']:,}",
            "difference": interval(one["difference"], signed=True),
        }
        for name, one in compared["metrics"].items()
    ]


def interval(one: Json, *, signed: bool = False) -> str:
    form = "+.3f" if signed else ".3f"
    return f"{one['value']:{form}} [{one['low']:{form}}, {one['high']:{form}}]"


def _milliseconds(one: Json, stage: str, percent: str) -> str:
    if stage not in one["latency_ms"]:
        return ""
    found = one["latency_ms"][stage][percent]
    return f"{found['value']:,.1f} [{found['low']:,.1f}, {found['high']:,.1f}]"
