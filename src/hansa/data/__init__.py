"""Where tables come from, how rows are dealt to parties, and which of them train, validate and test."""
