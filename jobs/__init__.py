"""Jobs: one module per stage, the command line, and the runtime that only they need."""
