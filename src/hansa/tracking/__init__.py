"""Watching a run: its log is the record, and trackers are fed from it, while it runs or afterwards."""
