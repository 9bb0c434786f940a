"""Description of a run before training: config, layers of the networks, data."""

from __future__ import annotations

from collections.abc import Mapping

from lsgan_tf.build import build_networks
from lsgan_tf.config import Config
from lsgan_tf.data import open_source, with_metadata
from lsgan_tf.networks.base import Network
from lsgan_tf.settings.table import describe
from lsgan_tf.util.text import counted, printable


def dry_run(config: Config, origins: Mapping[str, str]) -> str:
    """Open the data, build the networks and describe config, networks and data.

    Raises:
      UserError: if the run could not start.
    """
    source = open_source(config)
    config = with_metadata(config, source)
    generator, discriminator = build_networks(config)
    epoch = " per epoch, new in each epoch," if source.fresh else ""
    data = [
        f"{source.description}",
        f"{counted(len(source), 'example')}{epoch} of shape {source.shape}",
    ]
    if source.classes:
        shown = " ".join(map(printable, source.classes[:20])) + (
            " ..." if len(source.classes) > 20 else ""
        )
        data.append(f"{counted(len(source.classes), 'class', 'classes')}: {shown}")
    sections = [
        ("Config (name, value, where it comes from)", describe(config, origins)),
        ("Generator", network_table(generator)),
        ("Discriminator", network_table(discriminator)),
        ("Data", "\n".join([*data, *source.warnings])),
    ]
    return "\n\n".join(f"{title}\n{'-' * len(title)}\n{text}" for title, text in sections)


def network_table(network: Network) -> str:
    """Format the layers of a network: name, kind, output shape without the batch, parameters."""
    rows = [f"{'layer':<12}{'kind':<22}{'output':<18}{'parameters':>12}"]
    total = 0
    for layer in network.describe():
        shape = " x ".join(map(str, layer.shape))
        rows.append(f"{layer.name:<12}{layer.kind:<22}{shape:<18}{layer.parameters:>12,}")
        total += layer.parameters
    rows.append(f"{'total':<52}{total:>12,}")
    return "\n".join(rows)
