"""The experiments of the papers, each made by one command (`python -m lsgan_tf reproduce`)."""
