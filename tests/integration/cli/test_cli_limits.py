"""`quire tenants limits`."""

import json

from tests.integration.cli.command import Quire
from tests.integration.cli.deployment import Deployment


async def test_limits_are_shown_and_changed_one_by_one(
    deployment: Deployment, quire: Quire
) -> None:
    shown = await quire("tenants", "limits", "acme")
    assert "requests a minute, of all" in shown.out
    assert "3,000" in shown.out
    assert "its own" not in shown.out
    await quire("tenants", "limits", "acme", "--streams", "20")
    changed = await quire("tenants", "limits", "acme", "--requests", "6000")
    assert deployment.limits == {"streams": 20, "requests": 6000}, "what is not named stays"
    assert changed.out.count("its own") == 2
    told = await quire("tenants", "limits", "acme", "--reset", "--dollars", "2.5", "--json")
    assert deployment.limits == {"dollars": 2.5}
    assert json.loads(told.out)["in_force"]["requests"] == 3000
