import random

import snapshot_restore_py
import uuid_utils

from quire.snapshots import Renewed, renewed_handler


def test_copies_of_one_state_draw_other_numbers() -> None:
    made = Renewed(object)
    first, state, drawn = made.current, random.getstate(), []
    for _ in range(2):
        random.setstate(state)
        made.renew()
        drawn.append(random.random())
    assert drawn[0] != drawn[1]
    assert made.current is not first


def test_a_handler_is_made_anew_after_a_restore() -> None:
    made: list[str] = []

    def make() -> object:
        made.append(str(uuid_utils.uuid7()))
        return lambda event, context, name=made[-1]: name

    handler = renewed_handler(make)  # type: ignore[arg-type]
    assert handler({}, None) == made[0]
    function, arguments, named = snapshot_restore_py.get_after_restore()[-1]
    function(*arguments, **named)
    assert handler({}, None) == made[1] != made[0]
