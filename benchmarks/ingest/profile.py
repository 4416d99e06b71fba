"""py-spy on the workers, where it is to be found: `uv pip install py-spy`, or on the PATH."""

import shutil
import signal
import subprocess
from collections import Counter
from pathlib import Path


class Profile:
    """Samples each worker's threads on the CPU into `folder`, as collapsed stacks."""

    def __init__(self, folder: Path) -> None:
        """Raises FileNotFoundError without py-spy."""
        found = shutil.which("py-spy")
        if found is None:
            raise FileNotFoundError("py-spy is not installed")
        folder.mkdir(parents=True, exist_ok=True)
        self._command = found
        self._folder = folder
        self._recording: dict[int, subprocess.Popen[bytes]] = {}

    def follow(self, pids: list[int]) -> None:
        """Begin with those workers that are not followed yet."""
        for pid in pids:
            if pid not in self._recording:
                options = ["--nonblocking", "--rate", "100", "--duration", "3600"]
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

    def top(self, most: int) -> list[tuple[str, float, float]]:
        """Functions with their share of the samples: their own, and with what they call."""
        own: Counter[str] = Counter()
        whole: Counter[str] = Counter()
        for path in self._folder.glob("*.stacks"):
            for line in path.read_text().splitlines():
                stack, _, count = line.rpartition(" ")
                frames = stack.split(";")
                own[frames[-1]] += int(count)
                whole.update(dict.fromkeys(frames, int(count)))
        total = sum(own.values()) or 1
        ranked = [name for name, _ in whole.most_common(most)]
        return [(name, own[name] / total, whole[name] / total) for name in ranked]

    def _path(self, pid: int) -> Path:
        return self._folder / f"{pid}.stacks"
