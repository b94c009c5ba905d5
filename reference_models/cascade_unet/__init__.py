"""``cascade-unet``: the two 3D U-Nets of Zhao et al. 2022."""
