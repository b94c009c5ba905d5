"""The papers' models and the baselines that they must beat; they come in through the plugin door like anybody's."""
