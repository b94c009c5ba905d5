"""Baselines that every model must beat: ``atlas`` for anatomy, ``threshold`` for hemorrhage."""
