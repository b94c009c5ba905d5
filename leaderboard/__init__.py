"""The Streamlit leaderboard: it lays out what ctbench.report makes of runs."""
