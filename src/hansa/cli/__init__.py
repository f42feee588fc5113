"""The command line: one file a verb. A verb is a frozen dataclass whose fields are its options, and it has a `do`."""
