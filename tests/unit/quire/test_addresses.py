"""Whence a request comes: what AWS or the socket saw, or what the edge tells; never a stranger."""

import pytest
from starlette.types import Scope

from quire.errors import Forbidden
from quire.web.edge import NO_EDGE, Edge

SEEN, SAID = "198.51.100.7", "203.0.113.9"
EDGE = Edge("known", only=False)


def scope(*, seen: str | None = SEEN, **headers: str) -> Scope:
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "headers": given, "client": (seen, 0) if seen else None}


@pytest.mark.parametrize(
    ("edge", "headers", "address"),
    [
        (NO_EDGE, {}, SEEN),
        (NO_EDGE, {"x_forwarded_for": SAID, "quire_viewer": SAID, "quire_edge": ""}, SEEN),
        (EDGE, {"x_forwarded_for": SAID, "quire_viewer": SAID}, SEEN),
        (EDGE, {"quire_viewer": SAID, "quire_edge": "knowN"}, SEEN),
        (EDGE, {"quire_viewer": SAID, "quire_edge": "known"}, SAID),
        (EDGE, {"x_forwarded_for": SAID, "quire_edge": "known"}, SEEN),
    ],
)
def test_the_edge_is_believed_and_nobody_else(
    edge: Edge, headers: dict[str, str], address: str
) -> None:
    assert edge.address(scope(**headers)) == address


@pytest.mark.parametrize(
    ("seen", "address"),
    [
        ("2001:db8:1:2::a", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::b", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::a", "2001:db8:1:3::/64"),
        (f"::ffff:{SEEN}", SEEN),
        ("a socket", "a socket"),
        (None, None),
    ],
)
def test_who_has_a_network_has_one_address(seen: str | None, address: str | None) -> None:
    assert NO_EDGE.address(scope(seen=seen)) == address


def test_while_it_is_rotated_both_keys_are_believed() -> None:
    rotated = Edge("new", "former", only=True)
    for shown in ("new", "former"):
        rotated.check(scope(quire_edge=shown))
        assert rotated.address(scope(quire_viewer=SAID, quire_edge=shown)) == SAID
    with pytest.raises(Forbidden):
        rotated.check(scope(quire_edge="known"))


def test_where_all_come_by_the_edge_others_are_refused() -> None:
    closed = Edge("known", only=True)
    closed.check(scope(quire_edge="known"))
    with pytest.raises(Forbidden):
        closed.check(scope(quire_edge="other"))
    with pytest.raises(ValueError, match="edge_key"):
        Edge(only=True)
