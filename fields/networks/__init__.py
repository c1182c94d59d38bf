"""Networks. To add one: write its spec in a file of its own, then list it here."""

from .base import NetworkSpec
from .direct import Direct
from .mlp import MLP

NETWORKS: dict[str, type[NetworkSpec]] = {s.__name__: s for s in (MLP, Direct)}

__all__ = ["MLP", "NETWORKS", "Direct", "NetworkSpec"]
