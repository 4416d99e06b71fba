"""`make layer`: what is deployed, built under build/, and its sizes against their budgets."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bundling.building import Built, build
from bundling.bundles import BUNDLES, HERE, LAMBDA, MB, Bundle

console = Console()


def main(
    here: Annotated[bool, typer.Option(help="For this machine's Python, to be tried.")] = False,
) -> None:
    """Build the layer and the functions; 1 when one is larger than it may be."""
    target = HERE if here else LAMBDA
    built = build(target)
    table = Table("bundle", "installed MB", "of", "own MB", "of", "digest", title=target.name)
    for made, bundle in zip(built, BUNDLES, strict=True):
        table.add_row(
            made.bundle,
            *_against(made.installed, bundle.installed_budget),
            *_against(made.own, bundle.own_budget),
            made.digest[:12],
        )
    console.print(table)
    if not all(made.compiled for made in built):
        console.print(
            f"[yellow]Without bytecode: there is no Python {target.python} here to compile with "
            "(BUNDLE_PYTHON=… names one). It runs, and starts about twice as slowly.[/yellow]"
        )
    if any(map(_too_large, built, BUNDLES)):
        raise typer.Exit(1)


def _against(size: int, budget: int) -> tuple[str, str]:
    color = "red" if size > budget else "green"
    return f"[{color}]{size / MB:.1f}[/{color}]", f"{budget / MB:g}"


def _too_large(built: Built, bundle: Bundle) -> bool:
    return built.installed > bundle.installed_budget or built.own > bundle.own_budget


if __name__ == "__main__":
    typer.run(main)
