"""Prints the table of docs/cost.md."""

from benchmarks.cost import assumed as a
from benchmarks.cost.model import Workload, lines

WORKLOADS = (
    Workload(name="0", turns=0, documents=100, paid=False),
    Workload(name="1k", turns=1_000, documents=100, cold=1 / a.VISIT_TURNS, paid=False),
    Workload(name="100k", turns=100_000, documents=1_000),
    Workload(name="10M", turns=10_000_000, documents=10_000, cu=1),
    Workload(
        name="10,000 documents, 10,000 a day",
        turns=10_000 * a.DAYS,
        documents=10_000,
        read=10_000,
    ),
)


def table() -> str:
    """In Markdown: a line a service, a column a workload."""
    columns = [lines(workload) for workload in WORKLOADS]
    rows = [[name, *(_dollars(column[name]) for column in columns)] for name in columns[0]]
    totals = [sum(column.values()) for column in columns]
    rows.append(["**A month**", *(f"**{_dollars(total)}**" for total in totals)])
    rows.append(["Models' part", *(_share(column) for column in columns)])
    rows.append(
        [
            "Beyond the first column, a thousand turns",
            *(
                _dollars(1_000 * (total - totals[0]) / workload.turns) if workload.turns else "–"
                for workload, total in zip(WORKLOADS, totals, strict=True)
            ),
        ]
    )
    head = ["dollars, for turns a month", *(workload.name for workload in WORKLOADS)]
    ruled = [head, ["---", *(["---:"] * len(WORKLOADS))], *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in ruled)


def _share(column: dict[str, float]) -> str:
    models = sum(value for name, value in column.items() if name.startswith("Models"))
    return f"{models / sum(column.values()):.0%}"


def _dollars(value: float) -> str:
    if not value:
        return "0"
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"


if __name__ == "__main__":
    print(table())
