"""``cai-unet``: the 2D U-Net of Cai et al. 2020."""
