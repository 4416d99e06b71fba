"""The process that sandboxes are forked from, with the layer's libraries already loaded.

Run by its path and made of the standard library alone, so that a sandbox meets nothing of the
laptop. Its channel is a socket of packets: requests come in, and out goes who was born and who
ended, and how. When nobody is at the other end any more, it ends.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

LONGEST = 2**17


def main() -> None:
    channel, libraries = socket.socket(fileno=int(sys.argv[1])), sys.argv[2:]
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` does
    for library in libraries:
        with suppress(ImportError):  # the function that needs it says so
            importlib.import_module(library)
    sys.stdout.flush()  # or each child would say again what a library said
    gc.freeze()  # what is loaded stays shared: no child's collector touches it
    if request := _fork_for(channel):
        _live(**request)


def _fork_for(channel: socket.socket) -> dict[str, Any] | None:
    """Fork for each request; returns it in the child, and None once nobody asks any more."""
    woken, waking = socket.socketpair()
    with channel, woken, waking:
        waking.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
        while True:
            ready, _, _ = select.select([channel, woken], [], [])
            if woken in ready:
                woken.recv(LONGEST)
                _tell_who_ended(channel)
            if channel in ready:
                request = channel.recv(LONGEST)
                if not request:
                    return None
                if os.fork() == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    # Said by the child itself: by then it can be signalled as a group.
                    os.setsid()
                    wanted: dict[str, Any] = json.loads(request)
                    born = {"number": wanted.pop("number"), "born": os.getpid()}
                    channel.send(json.dumps(born).encode())
                    return wanted


def _tell_who_ended(channel: socket.socket) -> None:
    with suppress(ChildProcessError, BrokenPipeError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = ended
            exit_code = os.waitstatus_to_exitcode(status)
            channel.send(json.dumps({"ended": pid, "exit_code": exit_code}).encode())


def _live(name: str, handler: str, environment: dict[str, str], log: str) -> None:
    """Be what `python -m awslambdaric <handler>` is in that environment."""
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    with Path(log).open("ab") as output:
        for number in (1, 2):
            os.dup2(output.fileno(), number)
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name)  # who looks at processes tells them apart
    sys.argv[1:] = [handler]
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
