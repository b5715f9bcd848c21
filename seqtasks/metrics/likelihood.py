"""What a text costs a model that writes."""

from __future__ import annotations

import math
from typing import Any


def likelihood(nats: float, tokens: int, characters: int) -> dict[str, Any]:
    """What a text costs by the character and, as perplexity, by the token; nats are those of all of it."""
    each = nats / characters
    return {
        "characters": characters,
        "nats_per_character": each,
        "bits_per_character": each / math.log(2),
        "perplexity": math.exp(nats / tokens),
    }
