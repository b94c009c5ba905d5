"""Networks that were trained elsewhere, opened by `scheme:PATH`: ONNX, TorchScript, nnU-Net and MONAI bundles."""
