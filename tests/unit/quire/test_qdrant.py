import pytest

from quire.retrieval.qdrant import Qdrant


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://cluster.example", "https://cluster.example:6333/collections/"),
        ("https://cluster.example:443/", "https://cluster.example/collections/"),
        ("http://127.0.0.1:7000", "http://127.0.0.1:7000/collections/"),
        ("https://proxy.example/qdrant", "https://proxy.example:6333/qdrant/collections/"),
    ],
)
async def test_a_url_without_a_port_means_qdrants_own(url: str, asked: str) -> None:
    qdrant = Qdrant(url, api_key=None, timeout=1)
    assert str(qdrant._http.base_url) == asked
    await qdrant.close()
