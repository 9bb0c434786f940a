"""The experiments of the papers, each made by one command (`tools/reproduce.py`)."""
