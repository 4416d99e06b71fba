"""Servers beyond this machine prove their names, or nothing is said to them."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from psycopg.conninfo import conninfo_to_dict

from quire.domain import Collection, Sparse
from quire.errors import Unavailable
from quire.retrieval.filters import Filters
from quire.retrieval.index import Index
from quire.store.connection import verified
from quire.store.database import Database

NAME = "db.example"


class Encrypted:
    """A server that ends TLS with a certificate of its own making; `heard` is what came after."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "certificate.pem"
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        private = folder / "key.pem"
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, private)
        self.heard = b""
        self.port = 0

    async def postgres(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL"""
        await reader.readexactly(8)
        writer.write(b"S")
        try:
            await writer.start_tls(self.context)
            self.heard += await reader.read(2**16)
        except OSError:
            pass
        writer.close()

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard += await reader.read(2**16)
        writer.close()


@pytest.fixture
async def postgres(tmp_path: Path) -> AsyncIterator[Encrypted]:
    server = Encrypted(tmp_path)
    async with await asyncio.start_server(server.postgres, "127.0.0.1", 0) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server


@pytest.mark.parametrize("more", ["", "?sslmode=require", "?sslmode=disable", "?sslmode=prefer"])
def test_a_name_has_to_be_proven_whatever_the_url_says(more: str) -> None:
    given = conninfo_to_dict(verified(f"postgresql://u:p@{NAME}/d{more}"))
    assert given["sslmode"] == "verify-full"
    assert Path(str(given["sslrootcert"])).exists()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_this_machine_is_left_alone(host: str) -> None:
    url = f"postgresql://u:p@{host}:5433/d"
    assert verified(url) == url


@pytest.mark.parametrize(
    ("host", "trusted", "proven"), [(NAME, True, True), (NAME, False, False), ("x.io", True, False)]
)
async def test_postgres_hears_no_password_before_its_name_is_proven(
    postgres: Encrypted, host: str, trusted: bool, proven: bool
) -> None:
    roots = f"&sslrootcert={postgres.certificate}" if trusted else ""
    url = f"postgresql://quire_app:p@{host}:{postgres.port}/d?hostaddr=127.0.0.1{roots}"
    with pytest.raises(psycopg.OperationalError) as error:
        await psycopg.AsyncConnection.connect(verified(url))
    assert (b"quire_app" in postgres.heard) == proven
    assert ("certificate" in str(error.value)) != proven
    database = Database(url, timeout=0.3)
    with pytest.raises(Unavailable):
        await database.run(None, ("select 1", []))
    assert (b"quire_app" in postgres.heard) == proven
    await database.close()


async def test_qdrant_hears_no_key_before_its_name_is_proven(tmp_path: Path) -> None:
    server = Encrypted(tmp_path)
    async with await asyncio.start_server(
        server.http, "127.0.0.1", 0, ssl=server.context
    ) as listening:
        port = listening.sockets[0].getsockname()[1]
        index = Index(f"https://localhost:{port}", api_key="planted")
        with pytest.raises(Unavailable):
            await index.search(
                Collection(name="c", model="m", dimensions=2),
                "t",
                dense=None,
                bm25=Sparse(indices=[1], values=[1.0]),
                filters=Filters(),
                without=(),
                limit=1,
            )
        await index.close()
    assert server.heard == b""
