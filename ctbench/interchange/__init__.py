"""Data sets in the layouts of other tools: export and import of nnU-Net's raw data sets and of BIDS."""

from __future__ import annotations

from ctbench.interchange.bids import import_bids
from ctbench.interchange.bids_export import export_bids
from ctbench.interchange.nnunet import export_nnunet, import_nnunet

__all__ = ["export_bids", "export_nnunet", "import_bids", "import_nnunet"]
