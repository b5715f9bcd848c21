"""Reading exports. Knows no task and no pattern."""
