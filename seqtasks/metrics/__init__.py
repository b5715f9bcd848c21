"""Figures of merit, plots and reports: pure functions."""
