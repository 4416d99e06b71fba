"""A folder of texts in Qdrant, the way LangChain's guides have it: split, embed, upsert."""

from pathlib import Path

from langchain_core.documents import Document
from langchain_openai import OpenAIEmbeddings
from langchain_qdrant import QdrantVectorStore
from langchain_text_splitters import RecursiveCharacterTextSplitter
from qdrant_client import QdrantClient, models

_COLLECTION = "langchain"
_VECTOR = "dense"


def read(folder: Path) -> list[Document]:
    return [
        Document(page_content=path.read_text(encoding="utf-8"), metadata={"source": path.name})
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".md", ".txt"}
    ]


def index(
    documents: list[Document], *, model_url: str, qdrant_url: str, model: str, dimensions: int
) -> tuple[QdrantVectorStore, int]:
    """The store with all of them in it, and of how many parts."""
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
        _COLLECTION,
        # Named, because the laptop's Qdrant knows no other vectors.
        vectors_config={
            _VECTOR: models.VectorParams(size=dimensions, distance=models.Distance.COSINE)
        },
    )
    store = QdrantVectorStore(
        client=client,
        collection_name=_COLLECTION,
        embedding=embeddings,
        vector_name=_VECTOR,
        validate_collection_config=False,
    )
    store.add_documents(splits)
    return store, len(splits)
