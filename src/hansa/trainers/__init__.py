"""Trainers: what fits on one party's rows, or on a stack of parties as one program."""
