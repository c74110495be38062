"""A sum whose terms nobody sees: pairwise masks that cancel, with clients that may vanish (Bonawitz et al. 2017).

Each pair of clients agrees on a mask by X25519, one adds it and the other takes it off; a mask of its own hides a
client's vector even when its pairwise masks must be uncovered because others took it for lost. The keys of both are
shared among the clients (Shamir 1979), so that enough of them can uncover the masks of those that vanished. All is
counted in fixed point modulo 2^64: masks cancel exactly. Guards against a server that is curious and keeps to the
protocol, not against one that lies about who has vanished.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any

import numpy as np

from ..errors import DataError, MissingExtra, TrainingError

try:  # this file is only imported where a secure sum is asked for
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
except ImportError:
    raise MissingExtra("cryptography", "privacy") from None

FEWEST = 3  # of two, each would know the other's
SCALE = 2.0**24  # steps of fixed point in one: sums reach 5e11
PRIME = 2**521 - 1  # the field of the shares
SHARE = 66  # bytes of one
Message = dict[str, Any]


def threshold(clients: int) -> int:
    """How many must answer to the end: two thirds. As they are more than half, no two groups can tell a server both."""
    return -(-2 * clients // 3)


def encode(values: np.ndarray, clients: int) -> np.ndarray:
    """Numbers as uint64 in fixed point. Raises DataError where the sum of `clients` such vectors could overflow."""
    if not np.abs(values).max(initial=0.0) * SCALE * clients < 2**63:
        raise DataError(
            "an update is too large for a secure sum.", where="secure", hint="Set a clip, or lower train.lr."
        )
    return np.rint(values.astype(np.float64) * SCALE).astype(np.int64).view(np.uint64)


def decode(total: np.ndarray) -> np.ndarray:
    """The numbers of a sum, float64."""
    return total.view(np.int64) / SCALE


class Client:
    """One client. Its keys, its seed and its values leave it only masked, encrypted, or as shares."""

    def __init__(self, number: int, clients: int) -> None:
        self.number, self.clients = number, clients
        self._mask_key, self._box_key = X25519PrivateKey.generate(), X25519PrivateKey.generate()
        self._seed = secrets.token_bytes(32)
        self._public: dict[int, Message] = {}
        self._held: dict[int, tuple[int, int]] = {}  # of each client: my shares of its mask key and of its seed

    def keys(self) -> Message:
        """First: its public keys."""
        return {
            "mask": self._mask_key.public_key().public_bytes_raw(),
            "box": self._box_key.public_key().public_bytes_raw(),
        }

    def shares(self, public: dict[int, Message]) -> dict[int, bytes]:
        """Second: its shares for every client, encrypted for it. public: everybody's keys."""
        self._public = public
        least, others = threshold(self.clients), sorted(public)
        secret = int.from_bytes(self._mask_key.private_bytes_raw(), "big")
        keys, seeds = split(secret, others, least), split(int.from_bytes(self._seed, "big"), others, least)
        return {
            other: ChaCha20Poly1305(self._pair(other, "box", self._box_key)).encrypt(
                _nonce(self.number), b"".join(each[other].to_bytes(SHARE, "big") for each in (keys, seeds)), None
            )
            for other in others
        }

    def masked(self, values: np.ndarray, boxes: dict[int, bytes]) -> np.ndarray:
        """Third: its values (P,) under all masks. boxes: the shares that the others made for it."""
        for other, box in boxes.items():
            opened = ChaCha20Poly1305(self._pair(other, "box", self._box_key)).decrypt(_nonce(other), box, None)
            self._held[other] = (int.from_bytes(opened[:SHARE], "big"), int.from_bytes(opened[SHARE:], "big"))
        total = encode(values, self.clients) + stream(self._seed, len(values))
        for other in boxes:
            if other != self.number:
                mask = stream(self._pair(other, "mask", self._mask_key), len(values))
                total = total + mask if self.number < other else total - mask
        return total

    def uncover(self, answered: Collection[int]) -> dict[int, int]:
        """Last: of each client that answered, my share of its seed; of each that vanished, of its key; never both."""
        return {other: held[other in answered] for other, held in self._held.items()}

    def _pair(self, other: int, use: str, key: Any) -> bytes:
        """32 bytes that this client and another one alone can derive."""
        public = X25519PublicKey.from_public_bytes(self._public[other][use])
        return derived(key.exchange(public), use)


class Server:
    """The one who adds. All that it is ever told stands in `received`: (what, from whom, message)."""

    def __init__(self, clients: int) -> None:
        self.clients, self.received = clients, list[tuple[str, int, Any]]()

    def take(self, what: str, sender: int, message: Any) -> None:
        """A message from a client."""
        self.received.append((what, sender, message))

    def told(self, what: str) -> dict[int, Any]:
        """Every sender's message of a kind."""
        return {sender: message for kind, sender, message in self.received if kind == what}

    def boxes_for(self, client: int) -> dict[int, bytes]:
        """The encrypted shares that clients made for one, to be passed on."""
        return {sender: boxes[client] for sender, boxes in self.told("shares").items()}

    def total(self) -> np.ndarray:
        """(P,) uint64, the sum over all who sent values. Raises TrainingError when too few have uncovered their masks."""
        values, uncovered = self.told("values"), self.told("uncover")
        least = threshold(self.clients)
        if len(uncovered) < least:
            raise TrainingError(
                f"{len(uncovered)} of {self.clients} clients answered to the end; a secure sum needs {least}.",
                hint="Ask more clients in a round, or train without --secure.",
            )
        total: np.ndarray = np.stack(list(values.values())).sum(0, dtype=np.uint64)
        public = self.told("keys")
        for client in self.told("shares"):
            secret = joined({holder: shares[client] for holder, shares in list(uncovered.items())[:least]})
            if client in values:
                total = total - stream(secret.to_bytes(32, "big"), len(total))
                continue
            key = X25519PrivateKey.from_private_bytes(secret.to_bytes(32, "big"))
            for other in values:
                theirs = X25519PublicKey.from_public_bytes(public[other]["mask"])
                mask = stream(derived(key.exchange(theirs), "mask"), len(total))
                total = total - mask if other < client else total + mask
        return total

    @property
    def bytes_received(self) -> int:
        """The size of all messages."""
        return sum(_size(message) for _, _, message in self.received)


def add(vectors: list[np.ndarray | None]) -> tuple[np.ndarray, Server]:
    """All steps in one process: the sum (P,) of the clients' vectors, and the server with all that it was told. None
    stands for a client that vanished after the masks were agreed on.

    Raises TrainingError when there are too few clients, or too few that answered.
    """
    number = len(vectors)
    if number < FEWEST:
        hint = "Ask more clients in a round, or train without --secure."
        raise TrainingError(f"a secure sum of {number} clients hides nothing; it needs {FEWEST}.", hint=hint)
    server, clients = Server(number), [Client(place, number) for place in range(number)]
    for client in clients:
        server.take("keys", client.number, client.keys())
    for client in clients:
        server.take("shares", client.number, client.shares(server.told("keys")))
    for client, vector in zip(clients, vectors):
        if vector is not None:
            server.take("values", client.number, client.masked(vector, server.boxes_for(client.number)))
    answered = server.told("values")
    for client in clients:
        if client.number in answered:
            server.take("uncover", client.number, client.uncover(answered))
    return decode(server.total()), server


def split(secret: int, holders: Collection[int], least: int) -> dict[int, int]:
    """Shares of a secret, one a holder: values of a random polynomial whose constant it is (Shamir 1979)."""
    polynomial = [secret, *(secrets.randbelow(PRIME) for _ in range(least - 1))]
    return {holder: _value(polynomial, holder + 1) for holder in holders}


def _value(polynomial: list[int], x: int) -> int:
    value = 0
    for coefficient in reversed(polynomial):
        value = (value * x + coefficient) % PRIME
    return value


def joined(shares: dict[int, int]) -> int:
    """The secret behind as many shares as are needed: Lagrange's polynomial at 0. Fewer give a random number."""
    secret = 0
    for holder, share in shares.items():
        above, below = 1, 1
        for other in shares:
            if other != holder:
                above, below = above * (other + 1) % PRIME, below * (other - holder) % PRIME
        secret += share * above * pow(below, -1, PRIME)
    return secret % PRIME


def stream(key: bytes, count: int) -> np.ndarray:
    """(count,) uint64 of ChaCha20 under a key that is used once."""
    cipher = Cipher(ChaCha20(key, bytes(16)), mode=None)
    return np.frombuffer(cipher.encryptor().update(bytes(8 * count)), np.uint64)


def derived(secret: bytes, use: str) -> bytes:
    """A key of 32 bytes for one use, from an agreed secret (HKDF, RFC 5869)."""
    return HKDF(SHA256(), 32, None, use.encode()).derive(secret)


def _nonce(sender: int) -> bytes:
    """Both directions of a pair share one key: the sender tells them apart."""
    return sender.to_bytes(12, "big")


def _size(message: Any) -> int:
    if isinstance(message, dict):
        return sum(4 + _size(value) for value in message.values())
    return message.nbytes if isinstance(message, np.ndarray) else len(message) if isinstance(message, bytes) else SHARE
