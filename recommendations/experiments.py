"""Experiments: who sees which variant, and whether as many saw each as were meant to."""

import hashlib
from collections.abc import Mapping
from math import log

_BITS = 53


def assign(*, salt: str, weights: Mapping[str, float], actor: str) -> str:
    """Return the variant that a user or session sees: always the same one.

    Each variant draws an exponential time at the rate of its weight from a hash, and the first
    one wins (weighted rendezvous hashing: Thaler, Ravishankar, IEEE/ACM ToN 6(1), 1998;
    Schindelhauer, Schomaker, SPAA 2005). So a share follows its weight, who leaves a variant that
    lost weight spreads over the others, and nobody else moves.

    Parameters
    ----------
    salt
        Of the experiment; another salt deals anew, independently.
    weights
        By variant; only their ratios matter, and 0 shows a variant to nobody.

    Raises
    ------
    ValueError
        When no variant has a weight above 0.
    """
    open_ones = [variant for variant, weight in weights.items() if weight > 0]
    if not open_ones:
        message = "an experiment needs a variant with a weight above 0"
        raise ValueError(message)

    def arrival(variant: str) -> tuple[float, str]:
        return -log(_uniform(f"{salt}\0{variant}\0{actor}")) / weights[variant], variant

    return min(open_ones, key=arrival)


def _uniform(text: str) -> float:
    """Return a number between 0 and 1, both excluded, that only depends on the text."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> (64 - _BITS)
    return (number + 0.5) / 2**_BITS
