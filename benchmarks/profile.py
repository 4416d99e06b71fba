"""py-spy on what is paid for, where it is to be found: `uv pip install py-spy`, or on the PATH."""

import re
import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path

_LINE = re.compile(r":\d+(?=\)$)")
# A torn sample, and a loop that waits: on a busy machine py-spy takes it to be at work.
_NOT_WORK = ("", "EpollSelector.select (selectors.py)")
_NEARLY_ALL = 0.85  # torn samples lack the beginning


class Profile:
    """Samples processes' threads on the CPU into `folder`, as collapsed stacks."""

    def __init__(self, folder: Path, *, rate: int = 100) -> None:
        """`rate` in samples a second. Raises FileNotFoundError without py-spy."""
        found = shutil.which("py-spy")
        if found is None:
            raise FileNotFoundError("py-spy is not installed")
        folder.mkdir(parents=True, exist_ok=True)
        self._command = found
        self._folder = folder
        self._rate = str(rate)
        self._recording: dict[int, subprocess.Popen[bytes]] = {}

    def follow(self, pids: list[int]) -> None:
        """Begin with those that are not followed yet."""
        for pid in pids:
            if pid not in self._recording:
                options = ["--nonblocking", "--rate", self._rate, "--duration", "3600"]
                output = ["--format", "raw", "--output", str(self._path(pid))]
                self._recording[pid] = subprocess.Popen(
                    [self._command, "record", "--pid", str(pid), *options, *output],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )

    def end(self) -> None:
        for process in self._recording.values():
            process.send_signal(signal.SIGINT)
        for process in self._recording.values():
            process.wait()

    def top(self, most: int, *, own: bool = False) -> list[tuple[str, float, float]]:
        """Functions with their share of the samples: their own, and with what they call.

        Those that are in nearly all samples, as what starts the program is, are left out.
        """
        alone: Counter[str] = Counter()
        whole: Counter[str] = Counter()
        for path in self._folder.glob("*.stacks"):
            for line in path.read_text().splitlines():
                stack, _, count = line.rpartition(" ")
                frames = [_LINE.sub("", frame) for frame in stack.split(";")]
                if frames[-1] not in _NOT_WORK:
                    alone[frames[-1]] += int(count)
                    whole.update(dict.fromkeys(frames, int(count)))
        total = sum(alone.values())
        ranked = [
            name
            for name, _ in (alone if own else whole).most_common()
            if whole[name] < _NEARLY_ALL * total
        ][:most]
        return [(name, alone[name] / total, whole[name] / total) for name in ranked]

    def _path(self, pid: int) -> Path:
        return self._folder / f"{pid}.stacks"
