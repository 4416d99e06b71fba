"""The same corpus the way LangChain's guides have it; one process.

It reads files from the disk and writes to Qdrant, and that is all: no bucket, no queue, no
database, no second vector, no record of what was written.
"""

import json
import sys
import time
from pathlib import Path

from benchmarks.comparison import MISSING


def main(folder: Path, model_url: str, qdrant_url: str, model: str, dimensions: int) -> None:
    try:
        from benchmarks import langchain
    except ImportError:
        sys.exit(MISSING)
    imported = time.process_time()
    began = time.time()
    documents = langchain.read(folder)
    _, chunks = langchain.index(
        documents, model_url=model_url, qdrant_url=qdrant_url, model=model, dimensions=dimensions
    )
    figures = {
        "documents": len(documents),
        "chunks": chunks,
        "seconds": time.time() - began,
        "cpu": time.process_time() - imported,
        "import_cpu": imported,
    }
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
