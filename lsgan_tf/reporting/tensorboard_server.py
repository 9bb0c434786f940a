"""TensorBoard in a process of its own, for `python -m lsgan_tf tensorboard`.

It takes TensorBoard's flags, and ends with the process that started it. TensorBoard makes
its flags from absl's, so no module that defines any may be imported here.
"""

from __future__ import annotations

import os
import signal
import threading

from lsgan_tf.util.tensorflow_setup import import_tensorflow


def main() -> None:
    """Serves until it is ended."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import_tensorflow()
    from tensorboard.main import run_main

    run_main()


def _end_with_parent() -> None:
    """Ends this process when the pipe from the one that started it is closed."""
    while os.read(0, 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
