"""Drafts of tasks that are not shipped: proof that a task is one file, its new codecs and patterns, and one row.

tests/test_drafts.py lays them over a copy of the package, with no edit elsewhere.
"""
