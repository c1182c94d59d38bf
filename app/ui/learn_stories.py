"""The three guided walks: a few steps each, every one with a run that shows what it says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step of a walk.

    Attributes:
        text: a few short paragraphs.
        look: what to look at in the figure.
        query: of the study or race that runs beside it, as an address has it.
    """

    title: str
    text: tuple[str, ...]
    look: str
    query: dict[str, str]


@dataclass(frozen=True)
class Story:
    """A walk.

    Attributes:
        line: what it is about, in a few words.
    """

    name: str
    title: str
    line: str
    steps: tuple[Step, ...]


def _race(signal: str, methods: str, **knobs: str) -> dict[str, str]:
    named = {name.replace("_", "."): text for name, text in knobs.items()}
    return {"learn": "race", "signal": signal, "methods": methods, "seconds": "5"} | named


def _study(name: str) -> dict[str, str]:
    return {"learn": "study", "study": name, "form": "quick"}


_ORDER = Story(
    "order",
    "Low before high",
    "What a network learns first, and why.",
    (
        Step(
            "Three waves",
            (
                "Any signal is a sum of waves. This one has three: 1, 3 and 5 cycles from end to "
                "end, all equally strong. How often a wave goes up and down is its frequency.",
                "A small network with smooth units (tanh) is being fitted to it now. Nobody tells "
                "it about waves; it only ever makes its error smaller.",
            ),
            "the map. Each row is one wave. It turns from blue (not begun) to red (learned) for "
            "wave 1 first, then for 3, then for 5. This order is the frequency principle.",
            _race("sines", "network"),
        ),
        Step(
            "It is the frequency, not the size",
            (
                "Perhaps the slow wave was learned first because it was easier to see? So here the "
                "fast wave is made three times as strong as the slow one.",
                "The fast wave now makes up nearly all of the error. It would pay to learn it "
                "first.",
            ),
            "the map again. Even so the lowest row turns red first, or at the same time at best.",
            _race("sines", "network", signal_frequencies="1, 5", signal_amplitudes="1, 3"),
        ),
        Step(
            "An edge is made of fast waves",
            (
                "A square wave jumps. To draw a jump you need waves of every frequency, each "
                "weaker than the one before.",
                "So the network first draws a soft hill, and sharpens the edges bit by bit: "
                "it goes from simple to complicated.",
            ),
            "the output, which starts as a gentle curve, and the total variation, which climbs "
            "towards that of the target.",
            _race("square", "network"),
        ),
        Step(
            "The same in a photo",
            (
                "A photo is a signal in two directions: coarse shapes are slow waves, hair and "
                "texture are fast ones.",
                "The network is asked for the brightness at every point, and blurs: what is left "
                "out is exactly the fast waves.",
            ),
            "the picture, which stays soft, and the upper rows of the map, which stay blue.",
            _race("photo", "plain", photo="camera"),
        ),
        Step(
            "Why",
            (
                "Smooth units make smooth functions. A small change of a weight changes the output "
                "slowly along x, so training moves slow waves easily and hardly touches fast ones.",
                "How easily is written in the network's tangent kernel. This experiment computes "
                "it: it falls with the frequency k, as k to the power -2, -4 or -6 for units that "
                "are ever smoother.",
            ),
            "how steeply the lines fall: the steeper, the later the fast waves.",
            _study("kernel-spectrum"),
        ),
    ),
)
_CURES = Story(
    "cures",
    "The cures",
    "How to make a network learn fast waves.",
    (
        Step(
            "The trouble",
            (
                "This signal, a chirp, becomes faster to the right. A plain network follows it on "
                "the left, and gives up where it is fast.",
                "Waiting longer helps little. Pictures, sound and physics are full of such "
                "signals; so a cure is needed.",
            ),
            "how far to the right the output follows the target.",
            _race("chirp", "network"),
        ),
        Step(
            "Give it waves",
            (
                "First cure: show the network not x itself but a set of random waves of x "
                "(Fourier features). To combine given waves is easy, whatever their frequency.",
                "One number matters, sigma: how fast those waves are. Here it is 10.",
            ),
            "the upper rows of the network's map: they turn red almost at once. The plain network "
            "runs beside it.",
            _race("chirp", "network,plain", net_sigma="10"),
        ),
        Step(
            "Stretch the axis",
            (
                "Second cure: a fast wave becomes a slow one when x is stretched. So give the "
                "network several copies of x, stretched 1, 2, 4, 8, 16 and 32 times.",
                "Each copy looks after its own part of the spectrum; slow and fast waves are "
                "learned at the same time (MscaleDNN).",
            ),
            "both maps: in the network's, no row waits for the one below.",
            _race("chirp", "network,plain", net_scales="6", net_activation="sine"),
        ),
        Step(
            "A place for everything",
            (
                "Third cure: no waves at all, but tables of trained values, from coarse grids to "
                "fine ones (hash grids). Each fine cell answers for a small piece of x alone.",
                "This is the fastest way, and what this program uses for photos unless you say "
                "otherwise.",
            ),
            "how soon the curve of its error falls.",
            _race("chirp", "network,hash"),
        ),
        Step(
            "Too much of it",
            (
                "Low frequencies first is also a blessing: between the known points a network "
                "draws the simplest curve. A cure can take that away.",
                "Here only 24 points of a slow wave are known, and sigma is 40: far too fast.",
            ),
            "the output. It meets every point, and swings wildly between them. Choose sigma no "
            "larger than you must.",
            _race("sines", "network", signal_frequencies="1, 2", signal_amplitudes="1, 0.5",
                  signal_samples="24", net_sigma="40"),
        ),
    ),
)  # fmt: skip
_FAILS = Story(
    "fails",
    "When it fails",
    "Where the rule ends, and what that teaches.",
    (
        Step(
            "Large weights at the start",
            (
                "The rule needs a network that starts out smooth. With initial weights eight times "
                "as large it starts out ragged, and holds fast waves from the beginning.",
                "It then learns all waves at once, and keeps some raggedness nobody asked for.",
            ),
            "the maps: the order is gone or turned around for the network, and there for plain.",
            _race("sines", "network,plain", net_gain="8"),
        ),
        Step(
            "Another question",
            (
                "What counts as an error is your choice. Ask for the right slope too, and fast "
                "waves weigh more: a wave of frequency k has slopes k times as steep.",
                "The order then evens out, or turns around.",
            ),
            "when each wave is learned with slopes in the loss, and when without.",
            _study("derivative-loss"),
        ),
        Step(
            "Units with a band of their own",
            (
                "The rule rests on smooth units whose spectrum falls. Units shaped like a short "
                "wave prefer a band of frequencies, and the width of that shape says which.",
            ),
            "the order of the waves, which follows the units.",
            _study("band-pass-activations"),
        ),
        Step(
            "When the truth is fast",
            (
                "Parity says whether a row of bits has an odd number of ones: change any bit and "
                "the answer turns. There is no slower function like it, only the fastest one.",
                "A network that prefers slow functions fits the examples that it was shown, and "
                "guesses the others no better than by tossing a coin.",
            ),
            "the error on what was shown, and on what was not.",
            _study("parity"),
        ),
        Step(
            "Other solvers",
            (
                "Not everything that improves step by step goes from slow to fast. Jacobi's "
                "method, the textbook way to solve an equation on a grid, does the opposite: each "
                "point is set to what its neighbours ask for, which removes fast waves at once.",
                "So the two complement each other: let the network find the slow part, and Jacobi "
                "the fast one.",
            ),
            "which wave is gone first.",
            _study("jacobi"),
        ),
    ),
)
STORIES = {story.name: story for story in (_ORDER, _CURES, _FAILS)}
