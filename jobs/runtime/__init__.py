"""What only jobs need: session, settings, readers, lake, graph, manifest, progress."""
