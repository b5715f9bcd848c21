"""Sequences decoded one token after the other: knows only a step, or logits."""

from seqtasks.decoding.beam import beam
from seqtasks.decoding.generate import (
    Step,
    average_views,
    ban_tokens,
    ensemble,
    generate,
    merge_views,
    repetition_penalty,
    split_views,
    uniforms,
)
from seqtasks.decoding.samplers import Choose, greedy, sampler

__all__ = [
    "Choose",
    "Step",
    "average_views",
    "ban_tokens",
    "beam",
    "ensemble",
    "generate",
    "greedy",
    "merge_views",
    "repetition_penalty",
    "sampler",
    "split_views",
    "uniforms",
]
