"""The same corpus the way LangChain's guides have it: split, embed, upsert; one process.

It reads files from the disk and writes to Qdrant, and that is all: no bucket, no queue, no
database, no second vector, no record of what was written.
"""

import json
import sys
import time
from pathlib import Path

MISSING = 3  # the exit code
_VECTOR = "dense"


def main(folder: Path, model_url: str, qdrant_url: str, model: str, dimensions: int) -> None:
    try:
        from langchain_core.documents import Document
        from langchain_openai import OpenAIEmbeddings
        from langchain_qdrant import QdrantVectorStore
        from langchain_text_splitters import RecursiveCharacterTextSplitter
        from qdrant_client import QdrantClient, models
    except ImportError:
        sys.exit(MISSING)
    imported = time.process_time()
    began = time.time()
    documents = [
        Document(page_content=path.read_text(encoding="utf-8"), metadata={"source": path.name})
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".md", ".txt"}
    ]
    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
    splits = splitter.split_documents(documents)
    # Counting tokens first, as it does by default, would download a vocabulary, and cost more.
    embeddings = OpenAIEmbeddings(
        model=model,
        dimensions=dimensions,
        base_url=f"{model_url}/v1",
        api_key="local",
        check_embedding_ctx_length=False,
    )
    client = QdrantClient(url=qdrant_url, check_compatibility=False)
    client.create_collection(
        "langchain",
        # Named, because the laptop's Qdrant knows no other vectors.
        vectors_config={
            _VECTOR: models.VectorParams(size=dimensions, distance=models.Distance.COSINE)
        },
    )
    store = QdrantVectorStore(
        client=client,
        collection_name="langchain",
        embedding=embeddings,
        vector_name=_VECTOR,
        validate_collection_config=False,
    )
    store.add_documents(splits)
    figures = {
        "documents": len(documents),
        "chunks": len(splits),
        "seconds": time.time() - began,
        "cpu": time.process_time() - imported,
        "import_cpu": imported,
    }
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
