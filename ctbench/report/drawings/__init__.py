"""Drawings of the report and the leaderboard: charts, heat maps, slices and boxes."""
