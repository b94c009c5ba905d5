"""The pages of the leaderboard, one module each."""
