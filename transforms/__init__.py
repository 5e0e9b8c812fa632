"""Pure functions from frames to frames: no input or output, no session, no settings files."""
