"""Sequences decoded one token after the other: knows only a step, or logits."""
