"""What a model would have said in earlier years, and how much of a figure is the protocol it was made with."""
