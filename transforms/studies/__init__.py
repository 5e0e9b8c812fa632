"""Tables and figures of studies, from measures and panels."""
