"""Optimise the shard in a folder: merge segments, drop deleted points, build HNSW graphs.

A process of its own, because the engine keeps Python's global lock while it does so: measured,
half a millisecond a point, seconds for a book in which a server could answer nobody.
"""

import os
import sys

import qdrant_edge as edge

NOTHING_TO_DO = 3


def main(folder: str) -> int:
    os.nice(10)
    shard = edge.EdgeShard.load(folder)
    optimized = shard.optimize()
    shard.close()
    return 0 if optimized else NOTHING_TO_DO


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
