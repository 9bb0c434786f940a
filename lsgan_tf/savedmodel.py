"""stub"""


def write_saved_model(path, *a):
    return path
