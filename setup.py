"""Packaging; all but the long description is declared in setup.cfg."""

import re
from pathlib import Path

from setuptools import setup

readme = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
setup(
    # Without images and their captions: their relative links are dead on a package index.
    long_description=re.sub(r"!\[[^]]*\]\(docs/\S+\)\n\n(\*[^*]+\*\n\n)?", "", readme),
    long_description_content_type="text/markdown",
)
