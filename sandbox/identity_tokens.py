"""Tokens of OpenID Connect issuers, as GitHub gives one to each of its jobs.

No issuer is asked on this machine: one key of the run signs for all of them.
"""

import base64
import json
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_KEY_BITS = 2048
_ALGORITHM = "RS256"
_PUBLIC_KEY = "issuers.pem"

Claims = Mapping[str, object]


class InvalidToken(ValueError):
    """A token that no issuer has signed."""


class IdentityTokens:
    """Signs tokens with a key of the run; its public half lies in the sandbox's folder."""

    def __init__(self, folder: Path) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        public = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (folder / _PUBLIC_KEY).write_bytes(public)

    def sign(self, claims: Claims) -> str:
        """A JSON Web Token with these claims (``iss``, ``aud``, ``sub``, ``exp``, …)."""
        signed = f"{_encoded({'alg': _ALGORITHM, 'typ': 'JWT'})}.{_encoded(claims)}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64(signature)}"


def verified_claims(token: str, folder: Path) -> dict[str, object]:
    """The claims of a token that the run's key has signed; else InvalidToken."""
    try:
        signed, _, signature = token.rpartition(".")
        header, _, claims = signed.partition(".")
        if json.loads(_decoded(header))["alg"] != _ALGORITHM:
            raise InvalidToken("the algorithm is not " + _ALGORITHM)
        key = serialization.load_pem_public_key((folder / _PUBLIC_KEY).read_bytes())
        assert isinstance(key, rsa.RSAPublicKey)
        key.verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        found: dict[str, object] = json.loads(_decoded(claims))
    except (FileNotFoundError, InvalidSignature, KeyError, TypeError, ValueError) as error:
        raise InvalidToken(str(error)) from None
    return found


def _encoded(value: Claims) -> str:
    return _base64(json.dumps(dict(value)).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
