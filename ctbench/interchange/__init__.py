"""Data sets in the layouts of other tools: nnU-Net, BIDS, plain folders, grand-challenge, Croissant, data cards."""

from __future__ import annotations

from ctbench.interchange.bids import import_bids
from ctbench.interchange.bids_export import export_bids
from ctbench.interchange.card import export_card
from ctbench.interchange.croissant import Publication, export_croissant
from ctbench.interchange.folder import Guess, guess_folder, import_folder
from ctbench.interchange.grand_challenge import import_grand_challenge
from ctbench.interchange.nnunet import export_nnunet, import_nnunet

__all__ = [
    "Guess",
    "Publication",
    "export_bids",
    "export_card",
    "export_croissant",
    "export_nnunet",
    "guess_folder",
    "import_bids",
    "import_folder",
    "import_grand_challenge",
    "import_nnunet",
]
