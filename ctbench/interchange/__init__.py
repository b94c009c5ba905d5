"""Data sets in the layouts of other tools: export and import of nnU-Net's raw data sets."""

from __future__ import annotations

from ctbench.interchange.nnunet import export_nnunet, import_nnunet

__all__ = ["export_nnunet", "import_nnunet"]
