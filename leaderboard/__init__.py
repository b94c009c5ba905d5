"""The Streamlit leaderboard: pages that show the frames and drawings of ctbench.report."""
