"""One number from the user, and from it a stream of randomness for every purpose.

Nothing here keeps a state: what is drawn at a step is a function of (seed, purpose, index), so a run that was killed
and goes on draws what it would have drawn.
"""

from __future__ import annotations

import hashlib


def seed_for(seed: int, purpose: str, index: int = 0) -> int:
    """Returns a seed in [0, 2^63) for one purpose ("order", "step", "sample", ...) at one index of a run.

    Hashing keeps streams apart; `seed + index`, as often written, makes (1, 0) and (0, 1) the same.
    """
    digest = hashlib.blake2b(f"{seed}/{purpose}/{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
