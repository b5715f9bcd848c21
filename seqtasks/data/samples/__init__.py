"""The project's own data where they are too large for a task's file."""
