"""Which of two generators do people believe? A page of pairs to vote on, and the tally."""
