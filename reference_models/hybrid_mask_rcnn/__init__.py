"""``hybrid-mask-rcnn``: the hybrid 3D/2D Mask R-CNN of Chang et al. 2018."""
