"""Every setting with its default, the layouts of files, small code tables, and the studies: data, no code."""
