"""Scores head-CT segmentation against fused human readers."""
