"""TensorBoard in a separate process, for `python -m lsgan_tf tensorboard`.

It takes TensorBoard's flags and ends with its parent process. TensorBoard also parses absl's
flags, so this module must not import modules that define any.
"""

from __future__ import annotations

import os
import signal
import threading

from lsgan_tf.util.tensorflow_setup import import_tensorflow


def main() -> None:
    """Serve until the process ends."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import_tensorflow()
    from tensorboard.main import run_main

    run_main()


def _end_with_parent() -> None:
    """End this process when the parent closes the pipe to its standard input."""
    while os.read(0, 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
