"""What a person types who reads the lake, or is in trouble with it: nothing here changes a table."""
