"""The static page: its sections, their layout, style and script."""
