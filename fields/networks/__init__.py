"""Networks. To add one: write its spec in a file of its own, then list it here."""

from .base import Network, NetworkSpec
from .direct import Direct
from .mlp import MLP
from .mscale import Mscale1, Mscale2
from .phase import Phase
from .shared_trunk import SharedTrunk

NETWORKS: dict[str, type[NetworkSpec]] = {
    s.__name__: s for s in (MLP, Direct, Mscale1, Mscale2, Phase, SharedTrunk)
}

__all__ = [
    "MLP", "NETWORKS", "Direct", "Mscale1", "Mscale2", "Network", "NetworkSpec", "Phase",
    "SharedTrunk",
]
