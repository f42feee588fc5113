"""Attacks on what a coordinator or a reader sees: pure functions of numbers, which know nothing of how these came."""
