"""Common parts of the commands: flags, help, presets, errors."""
