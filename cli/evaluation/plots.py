"""Plots as SVG for the page: text stays text, and colours are the page's own, light or dark."""

import re
from collections.abc import Callable, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Json = dict[str, Any]

# Stand-ins for the page's variables, as matplotlib takes only colours.
_VARIABLES = {
    "#0a0b0c": "var(--ink)",
    "#0a0b0d": "var(--line)",
    "#0a0c00": "var(--good)",
    "#0a0c01": "var(--bad)",
    **{f"#0a0d0{number}": f"var(--series-{number})" for number in range(6)},
}
_INK, _LINE, _GOOD, _BAD, *_SERIES = _VARIABLES
_MARKERS = "osD^vP"
_DASHES = ("solid", "dashed", "dotted", "dashdot")
_SETTINGS: Any = {  # matplotlib's type for it is a literal of 300 names
    "svg.fonttype": "none",
    "svg.hashsalt": "quire",  # the same figures make the same page
    "text.parse_math": False,  # a configuration's name may hold a dollar sign
    "font.size": 10,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}
_NOT_SHOWN = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_SIZE = re.compile(r' (?:width|height)="[\d.]+pt"')


def metrics(configurations: Sequence[Json]) -> Markup:
    """Each metric's figure and interval, the configurations below one another."""
    names = list(configurations[0]["metrics"])

    def draw(axes: "Axes") -> None:
        for series, one in enumerate(configurations):
            shift = 0.6 * ((series + 0.5) / len(configurations) - 0.5)
            found = [one["metrics"][name] for name in names]
            axes.errorbar(
                [each["value"] for each in found],
                [place + shift for place in range(len(names))],
                xerr=[
                    [max(0.0, each["value"] - each["low"]) for each in found],
                    [max(0.0, each["high"] - each["value"]) for each in found],
                ],
                fmt=_MARKERS[series % len(_MARKERS)],
                color=_SERIES[series % len(_SERIES)],
                markersize=4.5,
                capsize=2.5,
                linewidth=1.4,
                label=one["name"],
            )
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.02)
        axes.grid(visible=False, axis="y")

    height = 0.9 + len(names) * (0.24 + 0.12 * len(configurations))
    return _svg("Metrics with 95 % intervals", draw, height=height, series=len(configurations))


def recall(configurations: Sequence[Json]) -> Markup:
    """Recall at every depth, with its interval as a band."""

    def draw(axes: "Axes") -> None:
        for series, one in enumerate(configurations):
            depths = range(1, len(one["curve"]) + 1)
            colour = _SERIES[series % len(_SERIES)]
            axes.fill_between(
                depths,
                [each["low"] for each in one["curve"]],
                [each["high"] for each in one["curve"]],
                color=colour,
                alpha=0.14,
                linewidth=0,
            )
            axes.plot(
                depths,
                [each["value"] for each in one["curve"]],
                color=colour,
                linestyle=_DASHES[series % len(_DASHES)],
                linewidth=1.8,
                label=one["name"],
            )
        axes.set_xscale("log")
        axes.set_xticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
        axes.minorticks_off()
        axes.set_xlabel("k")
        axes.set_ylabel("recall@k")
        axes.set_xlim(1, 100)
        axes.set_ylim(0, 1.02)

    return _svg("Recall at every depth k", draw, height=3.4, series=len(configurations))


def latency(names: Sequence[str], milliseconds: Sequence[Sequence[float]]) -> Markup:
    """The share of questions answered within so many milliseconds."""

    def draw(axes: "Axes") -> None:
        for series, (name, values) in enumerate(zip(names, milliseconds, strict=True)):
            axes.ecdf(
                values,
                color=_SERIES[series % len(_SERIES)],
                linestyle=_DASHES[series % len(_DASHES)],
                linewidth=1.8,
                label=name,
            )
        axes.set_xlabel("milliseconds, as the client saw it")
        axes.set_ylabel("share of questions")
        axes.set_xlim(left=0)

    return _svg("Latency", draw, height=3.0, series=len(names))


def differences(each: Sequence[float], *, metric: str) -> Markup:
    """A bar a question, the largest win first."""
    falling = sorted(each, reverse=True)

    def draw(axes: "Axes") -> None:
        edges = [place + 0.5 for place in range(len(falling) + 1)]
        axes.stairs([max(value, 0.0) for value in falling], edges, fill=True, color=_GOOD)
        axes.stairs([min(value, 0.0) for value in falling], edges, fill=True, color=_BAD)
        axes.axhline(0, color=_INK, linewidth=0.8)
        axes.set_xlim(0.5, len(falling) + 0.5)
        axes.set_xlabel("questions, the largest win first")
        axes.set_ylabel(f"difference of {metric}")
        axes.grid(visible=False, axis="x")

    return _svg(f"Difference of {metric}, question by question", draw, height=2.8, series=1)


def _svg(title: str, draw: Callable[["Axes"], None], *, height: float, series: int) -> Markup:
    # Imported late: it takes a second, which nobody whose dataset cannot be read has to wait for.
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(7.6, height), layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        if series > 1:
            figure.legend(loc="outside upper left", ncols=3)
        buffer = StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    drawn = buffer.getvalue()
    drawn = _NOT_SHOWN.sub("", drawn[drawn.index("<svg") :])
    drawn = _SIZE.sub("", drawn, count=2)
    for stand_in, variable in _VARIABLES.items():
        drawn = drawn.replace(stand_in, variable)
    # What matplotlib wrote has all text escaped.
    return Markup(drawn.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1))
