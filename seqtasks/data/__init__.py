"""Data sets, people's own files, splits, batches."""
