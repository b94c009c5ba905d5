"""Runs: one predictor, or all readers, scored on one dataset, with everything needed to repeat it.

``__init__.pyi`` lists the public names; what each needs is imported when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
