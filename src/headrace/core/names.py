"""Names for runs that were given none: two words that are easy to say and to search for."""

import os
from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_QUALITIES: Final = _words(
    """
    able agile airy amber ample apt azure balmy bold brave breezy bright brisk bronze calm
    candid cheery civil clear clever coral cosy crisp curious daring deft dewy eager early
    earnest easy fair fancy fearless fine fleet fond frank free fresh gentle gilded glad
    golden grand green handy happy hardy hazel hearty honest humble ivory jade jolly keen kind
    light lively loyal lucid lucky lunar mellow merry mighty mild misty modest mossy neat
    nimble noble olive open patient pearly placid plucky polite prime proud prudent quick
    quiet rapid ready rosy ruby rustic sage sandy scarlet serene sharp silent silver simple
    sleek smooth snowy solid sound spry stable steady still sturdy sunny swift tame teal
    tender tidy trusty upbeat valiant velvet vivid warm wise witty young zesty
    """
)
_THINGS: Final = _words(
    """
    alder anchor aspen barge basin beacon beaver beck birch bittern bluff bridge brook burn
    canal canyon cascade cedar cliff cloud cove crane creek crest current dale dam delta
    dipper dock dove drake dune eddy egret elm estuary falls fen fern ferry finch fjord flume
    ford forge fountain glacier glade glen gorge grebe grove gulf gull harbour harrier haven
    heath heron hill hollow inlet island jetty kelp kestrel kingfisher lagoon lake lark ledge
    lock loon marsh martin meadow mere mill millpond millstone mist moor oak oar otter oxbow
    pebble pelican pier pike pine plover pond pool rapid reed reef ridge rill ripple river
    robin rush salmon sandbar shoal shore sluice snipe source spring spruce stork strait
    strand stream swallow swan swift teal tern tide torrent trout vale valley wagtail
    waterfall waterwheel weir well wharf willow wren
    """
)


def generate_name() -> str:
    """Two words and a hyphen. Not unique: ids are for that."""
    # The system's randomness, so that a user's `random.seed` does not repeat names.
    chance = int.from_bytes(os.urandom(4), "big")
    first, second = divmod(chance, len(_THINGS))
    return f"{_QUALITIES[first % len(_QUALITIES)]}-{_THINGS[second]}"
