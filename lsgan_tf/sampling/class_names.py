"""Names of a generator's classes: parsing, looking up, spelling out."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence

from lsgan_tf.errors import UserError
from lsgan_tf.util.text import decoded


def labels_by_name(classes: Sequence[str]) -> dict[str, int]:
    """Map class names to labels, as given and in Unicode form NFC.

    Some systems decompose characters in folder names.
    """
    composed = {unicodedata.normalize("NFC", name): label for label, name in enumerate(classes)}
    return composed | {name: label for label, name in enumerate(classes)}


def parse_names(text: str, known: Collection[str], *, of_characters: bool) -> list[str]:
    """Split a text into class names, known or not; see `Sampler.names`.

    Args:
      text: single characters, or words separated by white space and commas.
      known: known names, which may consist of several words.
      of_characters: whether the classes are single characters.
    """
    text = unicodedata.normalize("NFC", decoded(text))
    if of_characters:
        return list("".join(text.split()))
    parts = [part.strip() for part in text.split(",")]
    return [name for part in parts for name in ([part] if part in known else part.split())]


def require_known(
    names: Sequence[str], known: Mapping[str, int], classes: Sequence[str], *, of_characters: bool
) -> None:
    """Check that all names are known.

    Raises:
      UserError: listing some unknown and some known names.
    """
    if unknown := list(dict.fromkeys(name for name in names if name not in known)):
        shown = ", ".join(spell_out(name) for name in unknown[:5])
        separator = "" if of_characters else ", "
        raise UserError(
            f"--text: the generator does not know {shown}{', ...' * (len(unknown) > 5)}; it "
            f"knows {len(classes):,}: {separator.join(classes[:30])}{'...' * (len(classes) > 30)}"
        )


def spell_out(name: str) -> str:
    """Format a class name for messages, with code points unless it is plain ASCII."""
    if name.isascii() and name.isprintable() and (len(name) > 1 or name.isalnum()):
        return name
    code = "+".join(f"U+{ord(letter):04X}" for letter in name)
    return f"{name} ({code})" if name.isprintable() else code
