"""Statistical tests, agreement, diagnosis and ranking: pure functions of arrays and tidy tables of scores.

``__init__.pyi`` lists the public names; what each needs is imported when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
